#include "store/sqlite_objects.h"

#include "store/conflicts.h"
#include "store/run_rules.h"
#include "store/sqlite_directory.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"

#include <algorithm>

namespace rruled::store {
namespace {

template <class Row>
void put_row(Connection& connection, const std::string& sql, const Row& row) {
  Query query(connection, sql);
  bind_row(query, row);
  query.run();
}

std::optional<Conflict> delete_calendar(Connection& connection, const CalendarName& name) {
  static const std::string kUsed =
      "SELECT 1 FROM schedules WHERE project_id = ? AND calendar = ? AND calendar <> '' LIMIT 1";
  static const std::string kDelete = "DELETE FROM calendars WHERE project_id = ? AND name = ?";
  if (Query(connection, kUsed).bind(name.project_id).bind(name.name).step())
    return conflict_of(Conflict::Kind::in_use, name);
  if (Query(connection, kDelete).bind(name.project_id).bind(name.name).run() == 0)
    return conflict_of(Conflict::Kind::missing, name);
  return std::nullopt;
}

std::optional<Conflict> put_backfill(Connection& connection, const BackfillPut& put) {
  static const std::string kVersion = "SELECT version FROM backfills WHERE id = ?";
  static const std::string kPut = put_sql<Backfill>();
  std::optional<std::int64_t> stored;
  {
    Query query(connection, kVersion);
    if (query.bind(put.backfill.id).step()) stored = query.read<std::int64_t>();
  }
  if (const auto kind = conflict_between(stored, put.expected_version))
    return conflict_of(*kind, put.backfill.id);
  auto row = put.backfill;
  row.version = stored.value_or(0) + 1;
  put_row(connection, kPut, row);
  return std::nullopt;
}

std::optional<Project> find_project(Connection& connection, std::int64_t id) {
  static const std::string kSelect =
      "SELECT " + column_list<Project>() + " FROM projects WHERE id = ?";
  Query query(connection, kSelect);
  if (!query.bind(id).step()) return std::nullopt;
  return read_row<Project>(query);
}

}  // namespace

std::optional<Conflict> put_calendars(Connection& connection, const ChangeSet& changes) {
  static const std::string kVersion =
      "SELECT version FROM calendars WHERE project_id = ? AND name = ?";
  static const std::string kPut = put_sql<Calendar>("project_id, name");
  for (const auto& put : changes.calendars) {
    auto row = put.calendar;
    std::optional<std::int64_t> stored;
    {
      Query query(connection, kVersion);
      if (query.bind(row.project_id).bind(row.name).step()) stored = query.read<std::int64_t>();
    }
    if (const auto kind = conflict_between(stored, put.expected_version))
      return conflict_of(*kind, CalendarName{row.project_id, row.name});
    row.version = stored.value_or(0) + 1;
    put_row(connection, kPut, row);
  }
  return std::nullopt;
}

bool has_calendar_of(Connection& connection, const Schedule& schedule) {
  static const std::string kHas = "SELECT 1 FROM calendars WHERE project_id = ? AND name = ?";
  return schedule.calendar.empty() ||
         Query(connection, kHas).bind(schedule.project_id).bind(schedule.calendar).step();
}

std::optional<Conflict> write_objects(Connection& connection,
                                      const ChangeSet& changes,
                                      std::int64_t revision) {
  static const std::string kPutProject = put_sql<Project>();
  static const std::string kBump =
      "UPDATE schedules SET version = version + 1, revision = ?1"
      " WHERE project_id = ?2 AND revision <> ?1";
  for (const auto& name : changes.delete_calendars)
    if (auto conflict = delete_calendar(connection, name)) return conflict;
  for (const auto& put : changes.backfills)
    if (auto conflict = put_backfill(connection, put)) return conflict;
  for (const auto& [project, expected] : changes.projects) {
    if (const auto kind = conflict_between(find_project(connection, project.id), expected))
      return conflict_of(*kind, project);
    put_row(connection, kPutProject, project);
    Query(connection, kBump).bind(revision).bind(project.id).run();
  }
  return std::nullopt;
}

// ---- SqliteDirectory ----------------------------------------------------------------------------

RetryResult SqliteDirectory::retry_run(RunId id,
                                       const RetryPolicy& fresh,
                                       Timestamp now,
                                       const AuditEntry& entry) {
  static const std::string kFind = "SELECT " + column_list<Run>() + " FROM runs WHERE id = ?";
  static const std::string kChild = "SELECT 1 FROM runs WHERE parent_id = ? LIMIT 1";
  static const std::string kRetry =
      "UPDATE runs SET status = ?, reason = ?, available_at = ?, finished_at = NULL, released = 0,"
      " remote_id = '', cancel_reason = '', cancel_revision = NULL,"
      " retry_max_attempts = ?, retry_min_backoff = ?, retry_max_backoff = ?, retry_max_age = ?"
      " WHERE id = ?";
  return store_.connection().write([&] {
    std::optional<Run> run;
    {
      Query query(*connection_, kFind);
      if (query.bind(id).step()) run = read_row<Run>(query);
    }
    if (!run) return RetryResult::missing;
    if (const auto refusal = retry_refusal(run->status)) return *refusal;
    if (Query(*connection_, kChild).bind(id).step()) return RetryResult::has_children;
    replay(*run, fresh, now);
    Query query(*connection_, kRetry);
    query.bind(run->status).bind(run->reason).bind(run->available_at);
    query.bind(run->retry.max_attempts).bind(run->retry.min_backoff);
    query.bind(run->retry.max_backoff).bind(run->retry.max_age).bind(id).run();
    tell_of_runs(*connection_);
    insert_audit(*connection_, entry);
    return RetryResult::retried;
  });
}

std::optional<Calendar> SqliteDirectory::calendar(const CalendarName& name) {
  static const std::string kSelect =
      "SELECT " + column_list<Calendar>() + " FROM calendars WHERE project_id = ? AND name = ?";
  return connection_->guarded([&]() -> std::optional<Calendar> {
    Query query(*connection_, kSelect);
    if (!query.bind(name.project_id).bind(name.name).step()) return std::nullopt;
    return read_row<Calendar>(query);
  });
}

std::vector<Calendar> SqliteDirectory::calendars(std::int64_t project) {
  static const std::string kSelect =
      "SELECT " + column_list<Calendar>() + " FROM calendars WHERE project_id = ? ORDER BY name";
  return connection_->guarded([&] {
    Query query(*connection_, kSelect);
    query.bind(project);
    return read_rows<Calendar>(query);
  });
}

std::optional<Backfill> SqliteDirectory::backfill(ParentId id) {
  static const std::string kSelect =
      "SELECT " + column_list<Backfill>() + " FROM backfills WHERE id = ?";
  return connection_->guarded([&]() -> std::optional<Backfill> {
    Query query(*connection_, kSelect);
    if (!query.bind(id).step()) return std::nullopt;
    return read_row<Backfill>(query);
  });
}

std::vector<Backfill> SqliteDirectory::open_backfills() {
  static const std::string kSelect =
      "SELECT " + column_list<Backfill>() + " FROM backfills WHERE ended_at IS NULL ORDER BY id";
  return connection_->guarded([&] {
    Query query(*connection_, kSelect);
    return read_rows<Backfill>(query);
  });
}

std::optional<Project> SqliteDirectory::project(std::int64_t id) {
  return connection_->guarded([&] { return find_project(*connection_, id); });
}

std::vector<Project> SqliteDirectory::paused_projects() {
  static const std::string kSelect =
      "SELECT " + column_list<Project>() +
      " FROM projects WHERE paused_at IS NOT NULL AND resumed_at IS NULL ORDER BY id";
  return connection_->guarded([&] {
    Query query(*connection_, kSelect);
    return read_rows<Project>(query);
  });
}

std::vector<Schedule> SqliteDirectory::schedules_to_resume(Timestamp now, std::size_t limit) {
  static const std::string kSelect = "SELECT " + column_list<Schedule>() +
                                     " FROM schedules WHERE status = 'paused' AND paused_until <= ?"
                                     " ORDER BY paused_until, id LIMIT ?";
  return connection_->guarded([&] {
    Query query(*connection_, kSelect);
    query.bind(now).bind(limit);
    return read_rows<Schedule>(query);
  });
}

std::vector<Schedule> SqliteDirectory::schedules_that_pause(const std::vector<ScheduleId>& ids) {
  static const std::string kSelect =
      "SELECT " + column_list<Schedule>() +
      " FROM schedules WHERE id = ? AND status = 'active' AND pause_after_failures > 0";
  return connection_->guarded([&] {
    std::vector<Schedule> rows;
    for (const auto& id : ids) {
      Query query(*connection_, kSelect);
      if (query.bind(id).step()) rows.push_back(read_row<Schedule>(query));
    }
    std::ranges::sort(rows, {}, &Schedule::id);
    return rows;
  });
}

std::vector<std::pair<RunStatus, std::uint64_t>> SqliteDirectory::counts_of(ParentId id) {
  static const std::string kCount =
      "SELECT status, count(*) FROM runs WHERE parent_id = ? GROUP BY status";
  return connection_->guarded([&] {
    std::vector<std::pair<RunStatus, std::uint64_t>> counts;
    Query query(*connection_, kCount);
    query.bind(id);
    while (query.step()) {
      const auto status = query.read<RunStatus>();
      counts.emplace_back(status, query.read<std::uint64_t>());
    }
    std::sort(counts.begin(), counts.end());
    return counts;
  });
}

}  // namespace rruled::store
