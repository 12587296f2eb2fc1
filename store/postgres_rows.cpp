#include "store/postgres_rows.h"

#include "store/postgres_dialect.h"

#include <pqxx/except>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

namespace rruled::store {

std::string pg_due_schedule() {
  return "SELECT " + pg_columns<Schedule>("s.") +
         ", f.name, f.status, f.version, f.trigger_type, f.variables, " +
         pg_columns<Project>("p.") +
         " FROM schedules s JOIN flows f ON f.id = s.flow_id"
         " LEFT JOIN projects p ON p.id = s.project_id";
}

namespace {

// Each once: it may be large, and named by many.
void add_calendars(Tx& tx, std::vector<DueSchedule>& rows) {
  static const std::string kDays =
      "SELECT c.project_id, c.name, c.days FROM unnest($1::bigint[], $2::text[])"
      " AS i(project, name)"
      " JOIN calendars c ON c.project_id = i.project AND c.name = i.name";
  std::map<std::pair<std::int64_t, std::string>, std::shared_ptr<const std::string>> known;
  for (const auto& row : rows)
    if (!row.schedule.calendar.empty())
      known.try_emplace({row.schedule.project_id, row.schedule.calendar});
  if (known.empty()) return;
  Params params;
  params.add_each(known, [](auto& each) { return each.first.first; });
  params.add_each(known, [](auto& each) -> const std::string& { return each.first.second; });
  for_each_row(tx.exec(kDays, params), [&](PgReader& row) {
    const auto project = row.read<std::int64_t>();
    auto& days = known[{project, row.read<std::string>()}];
    days = std::make_shared<const std::string>(row.read<std::string>());
  });
  for (auto& row : rows)
    if (!row.schedule.calendar.empty())
      row.calendar_days = known.at({row.schedule.project_id, row.schedule.calendar});
}

}  // namespace

std::vector<DueSchedule> read_due_schedules(Tx& tx, const std::string& sql, const Params& params) {
  std::vector<DueSchedule> rows;
  for_each_row(tx.exec(sql, params), [&](PgReader& row) {
    auto& due = rows.emplace_back();
    due.schedule = row.read_row<Schedule>();
    due.flow_name = row.read<std::optional<std::string>>();
    due.flow_status = row.read<FlowStatus>();
    due.flow_version = row.read<std::int64_t>();
    due.trigger_type = row.read<std::string>();
    due.flow_variables = row.read<std::string>();
    if (const auto project = row.read<std::optional<std::int64_t>>()) {
      due.project.emplace().id = *project;
      due.project->paused_at = row.read<std::optional<Timestamp>>();
      due.project->resumed_at = row.read<std::optional<Timestamp>>();
      due.project->catch_up = row.read<bool>();
      due.project->resume_catchup = row.read<std::optional<CatchupPolicy>>();
      due.project->note = row.read<std::string>();
    }
  });
  add_calendars(tx, rows);
  return rows;
}

std::int64_t pg_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

bool is_state_column(std::string_view name) {
  constexpr std::array<std::string_view, 9> kMoving = {
      "id",          "flow_id",    "status",       "status_reason", "next_run_at",
      "next_due_at", "settled_to", "settled_wall", "version"};
  return std::ranges::find(kMoving, name) != kMoving.end();
}

bool is_rule_column(std::string_view name) {
  return name == "id" || name == "flow_id" || !is_state_column(name);
}

bool is_run_column(std::string_view name) {
  return name != "flow_name" && name != "variables" && name != "body";
}

namespace {

void bump(Tx& tx, const std::string& states, const std::string& rules, const Params& params) {
  tx.exec(states, params);
  tx.exec(rules, params);
}
std::string bump_states_sql(const std::string& which) {
  return "UPDATE schedule_states SET version = version + 1 WHERE id IN"
         " (SELECT id FROM schedule_rules WHERE " +
         which + " AND revision <> $2::bigint)";
}
std::string bump_rules_sql(const std::string& which) {
  return "UPDATE schedule_rules SET revision = $2::bigint WHERE " + which +
         " AND revision <> $2::bigint";
}

// What tells the runs of a batch apart. The other columns are the same for many of them: each
// different set of their values, a shape, is sent once, and a run names its own.
bool is_own_column(std::string_view name) {
  constexpr std::array<std::string_view, 8> kOwn = {"id",           "project_id",    "flow_id",
                                                    "schedule_id",  "scheduled_for", "due_at",
                                                    "available_at", "start_before"};
  return std::ranges::find(kOwn, name) != kOwn.end();
}
bool is_shape_column(std::string_view name) { return is_run_column(name) && !is_own_column(name); }

// Parameters: an array for each own column, and the shape of each run (from 1); then an array for
// each column of the shapes, and of when a run of the shape was claimed, and until when.
std::string insert_runs_sql(const std::string& conflict) {
  const auto own = pg_columns<Run>("", is_own_column);
  int parameter = 1 + pg_column_count<Run>(is_own_column);
  const auto runs = pg_arrays<Run>(1, is_own_column) + ", $" + std::to_string(parameter);
  const auto of_shape = [&parameter](std::string_view type) {
    return ", ($" + std::to_string(++parameter) + "::" + std::string(type) + "[])[r.shape]";
  };
  std::string values = pg_columns<Run>("r.", is_own_column);
  const Run row;
  visit_columns(row, [&]<class Member>(std::string_view column, const Member&) {
    if (is_shape_column(column)) values += of_shape(pg_type<Member>());
  });
  values += of_shape("bigint");  // claimed_at
  values += of_shape("bigint");  // claimed_until
  return "WITH added AS (INSERT INTO runs (" + own + ", " + pg_columns<Run>("", is_shape_column) +
         ", claimed_at, claimed_until) SELECT " + values + " FROM unnest(" + runs +
         "::bigint[]) AS r(" + own + ", shape)" + conflict +
         " RETURNING number, id, schedule_id, parent_id, owner, project_id, due_at, available_at,"
         "  status, executor, start_before),"
         " kept AS (INSERT INTO incomplete_runs (run, id, schedule_id, parent_id, owner,"
         "  project_id, due_at, available_at, status, executor, start_before)"
         "  SELECT * FROM added WHERE status <> 'completed')"
         " SELECT number, id FROM added";
}

// The values of a run's shape, as a key: their bytes, each with its length.
std::string shape_key(const Run& run) {
  static const std::vector<bool> kOfShape = [] {
    std::vector<bool> of_shape;
    const Run row;
    visit_columns(row, [&](std::string_view name, const auto&) {
      of_shape.push_back(is_shape_column(name));
    });
    return of_shape;
  }();
  PgArray values("text");
  auto of_shape = kOfShape.begin();
  visit_columns(run, [&](std::string_view, const auto& member) {
    if (*of_shape++) values.add(member);
  });
  return std::move(values).finish();
}

Params insert_runs_params(const std::vector<const Run*>& runs, Timestamp now, Timestamp until) {
  std::unordered_map<std::string, std::int64_t> known;
  std::vector<const Run*> shapes;
  std::vector<std::int64_t> shape_of;
  for (const auto* run : runs) {
    const auto next = static_cast<std::int64_t>(shapes.size()) + 1;
    const auto [shape, added] = known.emplace(shape_key(*run), next);
    if (added) shapes.push_back(run);
    shape_of.push_back(shape->second);
  }
  const auto if_claimed = [](Timestamp time) {
    return [time](const Run* run) {
      return run->status == RunStatus::dispatching ? std::optional(time) : std::nullopt;
    };
  };
  Params params;
  params.add_rows(runs, is_own_column).add_all(shape_of).add_rows(shapes, is_shape_column);
  params.add_each(shapes, if_claimed(now)).add_each(shapes, if_claimed(until));
  return params;
}

void insert_bodies(Tx& tx,
                   const std::vector<std::int64_t>& numbers,
                   const std::vector<const Run*>& runs) {
  static const std::string kInsert =
      "INSERT INTO run_bodies (run, flow_name, variables, body)"
      " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])";
  Params params;
  params.add_all(numbers);
  params.add_each(runs, [](auto* run) -> const std::string& { return run->flow_name; });
  params.add_each(runs, [](auto* run) -> const std::string& { return run->variables; });
  params.add_each(runs, [](auto* run) -> const std::string& { return run->body; });
  tx.exec(kInsert, params);
}

}  // namespace

void bump_schedules(Tx& tx, const std::vector<FlowId>& flows, std::int64_t revision) {
  static const std::string kStates = bump_states_sql("flow_id = ANY($1::uuid[])");
  static const std::string kRules = bump_rules_sql("flow_id = ANY($1::uuid[])");
  bump(tx, kStates, kRules, Params().add_all(flows).add(revision));
}

void bump_schedules_of_project(Tx& tx, std::int64_t project, std::int64_t revision) {
  static const std::string kStates = bump_states_sql("project_id = $1::bigint");
  static const std::string kRules = bump_rules_sql("project_id = $1::bigint");
  bump(tx, kStates, kRules, Params().add(project).add(revision));
}

void delete_schedules(Tx& tx, const std::vector<ScheduleId>& ids) {
  static const std::string kStates = "DELETE FROM schedule_states WHERE id = ANY($1::uuid[])";
  static const std::string kRules = "DELETE FROM schedule_rules WHERE id = ANY($1::uuid[])";
  tx.exec(kStates, Params().add_all(ids));
  tx.exec(kRules, Params().add_all(ids));
}

std::vector<RunId> insert_runs(Tx& tx,
                               const std::vector<const Run*>& runs,
                               milliseconds claim_ttl,
                               Known known) {
  static const std::string kInsert = insert_runs_sql("");
  static const std::string kInsertNew = insert_runs_sql(" ON CONFLICT DO NOTHING");
  if (runs.empty()) return {};
  const auto params = insert_runs_params(runs, tx.now(), tx.now() + claim_ttl);
  std::vector<std::int64_t> numbers;
  std::vector<RunId> ids;
  try {
    for_each_row(tx.exec(known == Known::skip ? kInsertNew : kInsert, params), [&](PgReader& row) {
      numbers.push_back(row.read<std::int64_t>());
      ids.push_back(row.read<RunId>());
    });
  } catch (const pqxx::unique_violation&) {
    // With those left out that are there, what is taken is the number of the next run.
    if (known == Known::skip) throw;
    throw RunsExist{};
  }
  std::vector<const Run*> added;
  if (std::ranges::equal(ids, runs, {}, {}, &Run::id)) {
    added = runs;
  } else {
    std::unordered_map<RunId, const Run*> by_id;
    for (const auto* run : runs) by_id.emplace(run->id, run);
    for (const auto& id : ids) added.push_back(by_id.at(id));
  }
  if (!added.empty()) insert_bodies(tx, numbers, added);
  return ids;
}

void delete_parts_of_runs(Tx& tx, const std::vector<std::int64_t>& numbers) {
  static const std::vector<std::string> kDeletes = {
      "DELETE FROM run_bodies WHERE run = ANY($1::bigint[])",
      "DELETE FROM incomplete_runs WHERE run = ANY($1::bigint[])",
      "DELETE FROM attempts WHERE run = ANY($1::bigint[])"};
  for (const auto& sql : kDeletes) tx.exec(sql, Params().add_all(numbers));
}

void insert_logs(Tx& tx, const std::vector<const LogEntry*>& lines) {
  static const std::string kInsert = pg_insert<LogEntry>();
  if (!lines.empty()) tx.exec(kInsert, Params().add_rows(lines));
}

void notify_daemons(Tx& tx, const PostgresOptions& options) {
  static const std::string kTell = kNotify;
  if (options.notify) tx.exec(kTell, Params().add(options.schema));
}

void insert_audit(Tx& tx, const std::vector<const AuditEntry*>& entries) {
  static const std::string kInsert = pg_insert<AuditEntry>();
  if (!entries.empty()) tx.exec(kInsert, Params().add_rows(entries));
}

void put_gaps(Tx& tx, const std::vector<const Gap*>& gaps) {
  static const std::string kPut =
      "INSERT INTO gaps (schedule_id, from_at, to_at, reason, count, flow_id, project_id)"
      " SELECT s.id, g.from_at, g.to_at, g.reason, g.count, s.flow_id, s.project_id FROM"
      " unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[])"
      " AS g(id, from_at, to_at, reason, count) JOIN schedule_rules s ON s.id = g.id"
      " ON CONFLICT (schedule_id, from_at) DO UPDATE SET to_at = excluded.to_at,"
      " reason = excluded.reason, count = excluded.count, flow_id = excluded.flow_id,"
      " project_id = excluded.project_id";
  if (gaps.empty()) return;
  std::map<std::pair<ScheduleId, Instant>, const Gap*> last;
  for (const auto* gap : gaps) last[{gap->schedule_id, gap->from}] = gap;
  std::vector<const Gap*> rows;
  for (const auto& [key, gap] : last) rows.push_back(gap);
  Params params;
  params.add_each(rows, [](const Gap* gap) { return gap->schedule_id; });
  params.add_each(rows, [](const Gap* gap) { return gap->from; });
  params.add_each(rows, [](const Gap* gap) { return gap->to; });
  params.add_each(rows, [](const Gap* gap) { return gap->reason; });
  params.add_each(rows, [](const Gap* gap) { return gap->count; });
  tx.exec(kPut, params);
}

void cancel_runs(Tx& tx, const std::vector<RunId>& ids, std::string_view reason) {
  static const std::string kCancel =
      "UPDATE runs SET status = 'cancelled', reason = $2, available_at = NULL,"
      " finished_at = $3::bigint WHERE id = ANY($1::uuid[]) AND " +
      std::string(kPgPlainStatus) + " IN ('waiting', 'pending', 'retrying')";
  if (!ids.empty()) tx.exec(kCancel, Params().add_all(ids).add(std::string(reason)).add(tx.now()));
}

void release_runs(Tx& tx, const std::vector<RunId>& ids) {
  static const std::string kRelease =
      "UPDATE runs SET status = 'pending', available_at = $2::bigint, start_before = NULL"
      " WHERE id = ANY($1::uuid[]) AND " +
      std::string(kPgPlainStatus) + " = 'waiting'";
  if (!ids.empty()) tx.exec(kRelease, Params().add_all(ids).add(tx.now()));
}

}  // namespace rruled::store
