#include "store/survey.h"

#include "store/open.h"
#include "store/postgres_connection.h"
#include "store/postgres_numbers.h"
#include "store/postgres_store.h"
#include "store/postgres_values.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_store.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace rruled::store {
namespace {

constexpr std::chrono::hours kAhead{24};
constexpr std::size_t kSurveyPage = 1'000;
constexpr std::size_t kNamed = 3;  // as LIMIT in the texts below

// Texts that both dialects read alike; ?1 is written for each of them.
constexpr const char* kFiring =
    " FROM schedules s WHERE status = 'active' AND next_due_at IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM projects p WHERE p.id = s.project_id AND p.paused_at IS NOT NULL"
    "  AND p.resumed_at IS NULL)";
constexpr const char* kIsOverdue = " AND next_due_at < ?1 AND next_due_at + late_after < ?1";

std::string overdue_of_firing() {
  return std::string("SELECT count(*), min(next_due_at)") + kFiring + kIsOverdue;
}
// Along the index: min() would look at all of them.
std::string next_of_firing() {
  return std::string("SELECT next_due_at") + kFiring + " ORDER BY next_due_at LIMIT 1";
}

// `oldest`: executor, due_at and late_after of the ten thousand pending runs that were due first.
std::string waiting_of(const std::string& oldest) {
  const std::string late = " FILTER (WHERE due_at + late_after < ?1)";
  return "SELECT executor, count(*), count(*)" + late + ", min(due_at)" + late + " FROM (" +
         oldest + ") o GROUP BY executor";
}

// Of those that waited too long.
void add_overdue(Survey& all, const std::string& executor, std::uint64_t count, Timestamp since) {
  all.overdue_runs += count;
  all.overdue_runs_by_executor[executor] += count;
  all.overdue_runs_since = std::min(all.overdue_runs_since.value_or(since), since);
}

// A row of it.
template <class Row>
void add_waiting(Row& row, Survey& all) {
  const auto executor = row.template read<std::string>();
  all.waiting[executor] = row.template read<std::uint64_t>();
  const auto overdue = row.template read<std::uint64_t>();
  const auto since = row.template read<std::optional<Timestamp>>();
  if (since) add_overdue(all, executor, overdue, *since);
}

std::string for_postgres(std::string sql) {
  for (std::size_t at = 0; (at = sql.find("?1", at)) != std::string::npos;)
    sql.replace(at, 2, "$1::bigint");
  return sql;
}

Survey survey_file(Connection& connection, Timestamp now) {
  static const std::string kStates =
      "SELECT status, count(*), coalesce(sum(settled_to > ?1), 0) FROM schedules GROUP BY status";
  static const std::string kAheadIds = "SELECT id FROM schedules WHERE settled_to > ?1 LIMIT 3";
  static const std::string kOverdue = overdue_of_firing();
  static const std::string kWaiting =
      waiting_of("SELECT executor, due_at, late_after FROM runs INDEXED BY runs_holding WHERE " +
                 std::string(kIsHolding) +
                 " AND status = 'pending' AND due_at < ?1 ORDER BY due_at LIMIT 10000");
  static const std::string kNext = next_of_firing();
  static const std::string kDead = "SELECT count(*) FROM runs WHERE status = 'dead'";
  static const std::string kHighWater = "SELECT high_water FROM instance";
  return connection.read([&] {
    Survey all{.schedules = zeros<ScheduleStatus>()};
    Query states(connection, kStates);
    for (states.bind(now + kAhead); states.step();) {
      const auto status = states.read<ScheduleStatus>();
      all.schedules[static_cast<std::size_t>(status)].second = states.read<std::uint64_t>();
      all.settled_ahead += states.read<std::uint64_t>();
    }
    if (all.settled_ahead > 0) {
      Query ids(connection, kAheadIds);
      for (ids.bind(now + kAhead); ids.step();)
        all.settled_ahead_ids.push_back(ids.read<ScheduleId>());
    }
    Query overdue(connection, kOverdue);
    overdue.bind(now).step();
    all.overdue = overdue.read<std::uint64_t>();
    all.overdue_since = overdue.read<std::optional<Timestamp>>();
    Query waiting(connection, kWaiting);
    for (waiting.bind(now); waiting.step();) add_waiting(waiting, all);
    Query next(connection, kNext);
    if (next.step()) all.next_due = next.read<Timestamp>();
    Query dead(connection, kDead);
    dead.step();
    all.dead = dead.read<std::uint64_t>();
    Query high_water(connection, kHighWater);
    high_water.step();
    all.high_water = high_water.read<Timestamp>();
    return all;
  });
}

Survey survey_server(PgConnection& connection, Timestamp now) {
  static const std::string kStates =
      "SELECT status, count(*), count(*) FILTER (WHERE settled_to > $1::bigint)"
      " FROM schedule_states GROUP BY status";
  static const std::string kAheadIds =
      "SELECT id FROM schedule_states WHERE settled_to > $1::bigint LIMIT 3";
  static const std::string kOverdue = for_postgres(overdue_of_firing());
  static const std::string kWaiting = for_postgres(
      waiting_of("SELECT r.executor, w.due_at, r.late_after FROM (SELECT id, due_at"
                 " FROM incomplete_runs"
                 " WHERE status = 'pending' AND due_at < ?1 ORDER BY due_at LIMIT 10000) w"
                 " JOIN runs r ON r.id = w.id"));
  static const std::string kNext = next_of_firing();
  static const std::string kDead = "SELECT count(*) FROM incomplete_runs WHERE status = 'dead'";
  return connection.read([&](Tx& tx) {
    Survey all{.schedules = zeros<ScheduleStatus>()};
    for_each_row(tx.exec(kStates, Params().add(now + kAhead)), [&](PgReader& row) {
      const auto status = row.read<ScheduleStatus>();
      all.schedules[static_cast<std::size_t>(status)].second = row.read<std::uint64_t>();
      all.settled_ahead += row.read<std::uint64_t>();
    });
    if (all.settled_ahead > 0)
      for_each_row(tx.exec(kAheadIds, Params().add(now + kAhead)),
                   [&](PgReader& row) { all.settled_ahead_ids.push_back(row.read<ScheduleId>()); });
    for_each_row(tx.exec(kOverdue, Params().add(now)), [&](PgReader& row) {
      all.overdue = row.read<std::uint64_t>();
      all.overdue_since = row.read<std::optional<Timestamp>>();
    });
    for_each_row(tx.exec(kWaiting, Params().add(now)),
                 [&](PgReader& row) { add_waiting(row, all); });
    for_each_row(tx.exec(kNext), [&](PgReader& row) { all.next_due = row.read<Timestamp>(); });
    for_each_row(tx.exec(kDead), [&](PgReader& row) { all.dead = row.read<std::uint64_t>(); });
    all.set_numbers = statements_for_numbers(tx);
    return all;
  });
}

// Of a store without SQL, by the contract.
Survey survey_any(Store& store, Timestamp now) {
  Survey all;
  const auto counts = store.counts();
  all.schedules = counts.schedules;
  all.dead = counts.runs[static_cast<std::size_t>(RunStatus::dead)].second;
  std::optional<DueCursor> after;
  for (bool more = true; more;) {
    const auto rows = store.load_due(after, Timestamp::max(), kSurveyPage);
    for (const auto& row : rows) {
      const auto due = *row.schedule.next_due_at;
      if (row.project && row.project->paused()) continue;
      if (!all.next_due) all.next_due = due;
      if (due >= now || due + row.schedule.late_after >= now) continue;
      ++all.overdue;
      if (!all.overdue_since) all.overdue_since = due;
    }
    more = rows.size() == kSurveyPage;
    if (more) after = DueCursor{*rows.back().schedule.next_due_at, rows.back().schedule.id};
  }
  constexpr auto kAll = std::numeric_limits<std::size_t>::max();
  for (const auto& run : store.runs({.status = RunStatus::pending, .due_to = now, .limit = kAll})) {
    if (run.due_at < now) ++all.waiting[run.executor];
    if (run.due_at + run.late_after >= now) continue;
    add_overdue(all, run.executor, 1, run.due_at);
  }
  ScheduleQuery query{.limit = kSurveyPage};
  for (bool more = true; more; query.offset += kSurveyPage) {
    const auto rows = store.schedules(query);
    for (const auto& row : rows) {
      if (!row.settled_to || *row.settled_to <= now + kAhead) continue;
      ++all.settled_ahead;
      if (all.settled_ahead_ids.size() < kNamed) all.settled_ahead_ids.push_back(row.id);
    }
    more = rows.size() == kSurveyPage;
  }
  return all;
}

}  // namespace

Survey survey(Store& store, Timestamp now) {
  if (auto* file = dynamic_cast<SqliteStore*>(&store)) return survey_file(file->connection(), now);
  if (auto* server = dynamic_cast<PostgresStore*>(&store))
    return survey_server(server->connection(), now);
  return survey_any(store, now);
}

std::size_t schema_steps(const std::string& url) {
  return url.starts_with(kSqliteScheme) ? sqlite_migrations().size() : postgres_migrations().size();
}

}  // namespace rruled::store
