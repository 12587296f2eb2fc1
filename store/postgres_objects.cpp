#include "store/postgres_objects.h"

#include "store/conflicts.h"
#include "store/postgres_directory.h"
#include "store/postgres_rows.h"
#include "store/postgres_runs.h"

#include <algorithm>
#include <set>

namespace rruled::store {
namespace {

std::optional<std::int64_t> version_in(const pqxx::result& found) {
  if (found.empty()) return std::nullopt;
  return PgReader(found, 0).read<std::int64_t>();
}

template <class Row>
void put_row(Tx& tx, const std::string& sql, const Row& row) {
  const std::vector<const Row*> rows{&row};
  tx.exec(sql, Params().add_rows(rows));
}

std::optional<std::int64_t> calendar_version(Tx& tx, const CalendarName& name) {
  static const std::string kVersion =
      "SELECT version FROM calendars WHERE project_id = $1::bigint AND name = $2";
  return version_in(tx.exec(kVersion, Params().add(name.project_id).add(name.name)));
}

std::optional<Conflict> delete_calendar(Tx& tx, const CalendarName& name) {
  static const std::string kUsed =
      "SELECT 1 FROM schedules WHERE project_id = $1::bigint AND calendar = $2"
      " AND calendar <> '' LIMIT 1";
  static const std::string kDelete =
      "DELETE FROM calendars WHERE project_id = $1::bigint AND name = $2 RETURNING name";
  const auto key = Params().add(name.project_id).add(name.name);
  if (!tx.exec(kUsed, key).empty()) return conflict_of(Conflict::Kind::in_use, name);
  if (tx.exec(kDelete, key).empty()) return conflict_of(Conflict::Kind::missing, name);
  return std::nullopt;
}

std::optional<Conflict> put_backfill(Tx& tx, const BackfillPut& put) {
  static const std::string kVersion = "SELECT version FROM backfills WHERE id = $1::uuid";
  static const std::string kPut = pg_put<Backfill>();
  const auto stored = version_in(tx.exec(kVersion, Params().add(put.backfill.id)));
  if (const auto kind = conflict_between(stored, put.expected_version))
    return conflict_of(*kind, put.backfill.id);
  auto row = put.backfill;
  row.version = stored.value_or(0) + 1;
  put_row(tx, kPut, row);
  return std::nullopt;
}

std::optional<Project> find_project(Tx& tx, std::int64_t id) {
  static const std::string kSelect =
      "SELECT " + pg_columns<Project>() + " FROM projects WHERE id = $1::bigint";
  const auto found = tx.exec(kSelect, Params().add(id));
  if (found.empty()) return std::nullopt;
  return PgReader(found, 0).read_row<Project>();
}

}  // namespace

std::optional<Conflict> put_calendars(Tx& tx, const ChangeSet& changes) {
  static const std::string kPut =
      pg_put<Calendar>(kTable<Calendar>, every_column, "project_id, name");
  for (const auto& put : changes.calendars) {
    auto row = put.calendar;
    const CalendarName name{row.project_id, row.name};
    const auto stored = calendar_version(tx, name);
    if (const auto kind = conflict_between(stored, put.expected_version))
      return conflict_of(*kind, name);
    row.version = stored.value_or(0) + 1;
    put_row(tx, kPut, row);
  }
  std::set<CalendarName> named;
  for (const auto& put : changes.schedules)
    if (!put.schedule.calendar.empty())
      named.insert({put.schedule.project_id, put.schedule.calendar});
  for (const auto& name : named)
    if (!calendar_version(tx, name)) return conflict_of(Conflict::Kind::missing, name);
  return std::nullopt;
}

std::optional<Conflict> write_objects(Tx& tx, const ChangeSet& changes, std::int64_t revision) {
  static const std::string kPutProject = pg_put<Project>();
  // Locked in order of id, as by everyone who locks several.
  static const std::string kLock =
      "SELECT count(*) FROM (SELECT 1 FROM schedules WHERE project_id = $1::bigint"
      " ORDER BY id FOR UPDATE) AS locked";
  for (const auto& name : changes.delete_calendars)
    if (auto conflict = delete_calendar(tx, name)) return conflict;
  for (const auto& put : changes.backfills)
    if (auto conflict = put_backfill(tx, put)) return conflict;
  for (const auto& [project, expected] : changes.projects) {
    if (const auto kind = conflict_between(find_project(tx, project.id), expected))
      return conflict_of(*kind, project);
    put_row(tx, kPutProject, project);
    tx.exec(kLock, Params().add(project.id));
    bump_schedules_of_project(tx, project.id, revision);
  }
  return std::nullopt;
}

// ---- PostgresDirectory --------------------------------------------------------------------------

RetryResult PostgresDirectory::retry_run(RunId id,
                                         const RetryPolicy& fresh,
                                         Timestamp now,
                                         const AuditEntry& entry) {
  static const std::string kSchedule = "SELECT schedule_id FROM runs WHERE id = $1::uuid";
  static const std::string kLock = "SELECT 1 FROM schedules WHERE id = $1::uuid FOR UPDATE";
  static const std::string kLockRun = "SELECT 1 FROM runs WHERE id = $1::uuid FOR UPDATE";
  static const std::string kFind =
      "SELECT " + pg_columns<Run>() + " FROM " + pg_rows<Run>() + " WHERE id = $1::uuid";
  static const std::string kChild = "SELECT 1 FROM runs WHERE parent_id = $1::uuid LIMIT 1";
  static const std::string kRetry =
      "UPDATE runs SET status = $2, reason = $3, available_at = $4::bigint, finished_at = NULL,"
      " released = false, remote_id = '', cancel_reason = '', cancel_revision = NULL,"
      " retry_max_attempts = $5::bigint, retry_min_backoff = $6::bigint,"
      " retry_max_backoff = $7::bigint, retry_max_age = $8::bigint WHERE id = $1::uuid";
  return connection_.write(now, [&](Tx& tx) {
    const auto owner = tx.exec(kSchedule, Params().add(id));
    if (owner.empty()) return RetryResult::missing;
    lock_meta(tx);
    if (const auto schedule = PgReader(owner, 0).read<std::optional<ScheduleId>>())
      tx.exec(kLock, Params().add(*schedule));
    if (tx.exec(kLockRun, Params().add(id)).empty()) return RetryResult::missing;
    Run run = PgReader(tx.exec(kFind, Params().add(id)), 0).read_row<Run>();
    if (const auto refusal = retry_refusal(run.status)) return *refusal;
    if (!tx.exec(kChild, Params().add(id)).empty()) return RetryResult::has_children;
    replay(run, fresh, tx.now());
    Params params;
    params.add(id).add(run.status).add(run.reason).add(run.available_at);
    params.add(run.retry.max_attempts).add(run.retry.min_backoff);
    params.add(run.retry.max_backoff).add(run.retry.max_age);
    tx.exec(kRetry, params);
    insert_audit(tx, {&entry});
    tell_of_runs(tx, connection_.options());
    return RetryResult::retried;
  });
}

std::optional<Calendar> PostgresDirectory::calendar(const CalendarName& name) {
  static const std::string kSelect = "SELECT " + pg_columns<Calendar>() +
                                     " FROM calendars WHERE project_id = $1::bigint AND name = $2";
  return connection_.read([&](Tx& tx) -> std::optional<Calendar> {
    const auto found = tx.exec(kSelect, Params().add(name.project_id).add(name.name));
    if (found.empty()) return std::nullopt;
    return PgReader(found, 0).read_row<Calendar>();
  });
}

std::vector<Calendar> PostgresDirectory::calendars(std::int64_t project) {
  static const std::string kSelect =
      "SELECT " + pg_columns<Calendar>() +
      " FROM calendars WHERE project_id = $1::bigint ORDER BY name COLLATE \"C\"";
  return connection_.read(
      [&](Tx& tx) { return read_table<Calendar>(tx.exec(kSelect, Params().add(project))); });
}

std::optional<Backfill> PostgresDirectory::backfill(ParentId id) {
  static const std::string kSelect =
      "SELECT " + pg_columns<Backfill>() + " FROM backfills WHERE id = $1::uuid";
  return connection_.read([&](Tx& tx) -> std::optional<Backfill> {
    const auto found = tx.exec(kSelect, Params().add(id));
    if (found.empty()) return std::nullopt;
    return PgReader(found, 0).read_row<Backfill>();
  });
}

std::vector<Backfill> PostgresDirectory::open_backfills() {
  static const std::string kSelect =
      "SELECT " + pg_columns<Backfill>() + " FROM backfills WHERE ended_at IS NULL ORDER BY id";
  return connection_.read([&](Tx& tx) { return read_table<Backfill>(tx.exec(kSelect)); });
}

std::optional<Project> PostgresDirectory::project(std::int64_t id) {
  return connection_.read([&](Tx& tx) { return find_project(tx, id); });
}

std::vector<Project> PostgresDirectory::paused_projects() {
  static const std::string kSelect =
      "SELECT " + pg_columns<Project>() +
      " FROM projects WHERE paused_at IS NOT NULL AND resumed_at IS NULL ORDER BY id";
  return connection_.read([&](Tx& tx) { return read_table<Project>(tx.exec(kSelect)); });
}

std::vector<Schedule> PostgresDirectory::schedules_to_resume(Timestamp now, std::size_t limit) {
  static const std::string kSelect =
      "SELECT " + pg_columns<Schedule>() +
      " FROM schedules WHERE status = 'paused' AND paused_until <= $1::bigint"
      " ORDER BY paused_until, id LIMIT $2::bigint";
  return connection_.read(
      [&](Tx& tx) { return read_table<Schedule>(tx.exec(kSelect, Params().add(now).add(limit))); });
}

std::vector<Schedule> PostgresDirectory::schedules_that_pause(const std::vector<ScheduleId>& ids) {
  static const std::string kSelect =
      "SELECT " + pg_columns<Schedule>() +
      " FROM schedules WHERE id = ANY($1::uuid[]) AND status = 'active'"
      " AND pause_after_failures > 0 ORDER BY id";
  return connection_.read(
      [&](Tx& tx) { return read_table<Schedule>(tx.exec(kSelect, Params().add_all(ids))); });
}

std::vector<std::pair<RunStatus, std::uint64_t>> PostgresDirectory::counts_of(ParentId id) {
  static const std::string kCount =
      "SELECT status, count(*) FROM runs WHERE parent_id = $1::uuid GROUP BY status";
  return connection_.read([&](Tx& tx) {
    std::vector<std::pair<RunStatus, std::uint64_t>> counts;
    for_each_row(tx.exec(kCount, Params().add(id)), [&](PgReader& row) {
      const auto status = row.read<RunStatus>();
      counts.emplace_back(status, row.read<std::uint64_t>());
    });
    std::sort(counts.begin(), counts.end());
    return counts;
  });
}

}  // namespace rruled::store
