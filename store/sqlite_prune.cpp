#include "store/run_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"
#include "store/sqlite_store.h"

#include <sqlite3.h>

namespace rruled::store {
namespace {

// From when on a row is kept for its schedule's sake: null where there is none.
constexpr char kKeptFrom[] = "?1 - s.catchup_window - s.retry_max_age";

// A row looked at: `number` of the table, and whether it goes.
struct OldRun {
  std::int64_t number = 0;
  RunId id;
  Timestamp finished_at;
  bool goes = false;
};

std::vector<OldRun> read_old_runs(Connection& connection,
                                  const PruneRequest& request,
                                  const PruneCursor& after,
                                  Timestamp now) {
  // Said, because runs of a final status have an index, too, that leads to the younger ones first.
  static const std::string kOld =
      "SELECT r.number, r.id, r.finished_at, r.status, coalesce(r.finished_at < " +
      std::string(kKeptFrom) + ", TRUE) AND NOT " + kIsCounted + " AND NOT " + kIsOpenJob +
      " FROM runs r INDEXED BY runs_by_end LEFT JOIN schedules s ON s.id = r.schedule_id"
      " WHERE r.finished_at < ?2 AND (r.finished_at, r.number) > (?3, ?4)"
      " ORDER BY r.finished_at, r.number LIMIT ?5";
  std::vector<OldRun> found;
  Query query(connection, kOld);
  query.bind(now).bind(request.runs_before).bind(after.end).bind(after.number).bind(request.limit);
  while (query.step()) {
    auto& run = found.emplace_back();
    run.number = query.read<std::int64_t>();
    run.id = query.read<RunId>();
    run.finished_at = query.read<Timestamp>();
    const bool ended = is_final(query.read<RunStatus>());
    run.goes = query.read<bool>() && ended;
  }
  return found;
}

// Its attempts go with it by the foreign key.
void delete_run(Connection& connection, const OldRun& run) {
  static const std::string kLogs = "DELETE FROM log_lines WHERE run_id = ?";
  static const std::string kRun = "DELETE FROM runs WHERE number = ?";
  Query(connection, kLogs).bind(run.id).run();
  Query(connection, kRun).bind(run.number).run();
}

struct OldGap {
  ScheduleId schedule_id;
  Timestamp from;
  Timestamp to;
  bool goes = false;
};

std::vector<OldGap> read_old_gaps(Connection& connection,
                                  const PruneRequest& request,
                                  const PruneCursor& after,
                                  Timestamp now) {
  static const std::string kOld =
      "SELECT g.schedule_id, g.from_at, g.to_at, coalesce(g.to_at < " + std::string(kKeptFrom) +
      ", TRUE) FROM gaps g INDEXED BY gaps_by_end LEFT JOIN schedules s ON s.id = g.schedule_id"
      " WHERE g.to_at < ?2 AND (g.to_at, g.schedule_id, g.from_at) > (?3, ?4, ?5)"
      " ORDER BY g.to_at, g.schedule_id, g.from_at LIMIT ?6";
  std::vector<OldGap> found;
  Query query(connection, kOld);
  query.bind(now).bind(request.runs_before);
  query.bind(after.end).bind(after.schedule_id).bind(after.number).bind(request.limit);
  while (query.step()) {
    auto& gap = found.emplace_back();
    gap.schedule_id = query.read<ScheduleId>();
    gap.from = query.read<Timestamp>();
    gap.to = query.read<Timestamp>();
    gap.goes = query.read<bool>();
  }
  return found;
}

void delete_gap(Connection& connection, const OldGap& gap) {
  static const std::string kGap = "DELETE FROM gaps WHERE schedule_id = ? AND from_at = ?";
  Query(connection, kGap).bind(gap.schedule_id).bind(gap.from).run();
}

std::size_t delete_logs(Connection& connection, const PruneRequest& request) {
  static const std::string kLogs =
      "DELETE FROM log_lines WHERE number IN (SELECT number FROM log_lines WHERE timestamp < ?"
      " ORDER BY timestamp, number LIMIT ?)";
  Query query(connection, kLogs);
  return static_cast<std::size_t>(query.bind(request.logs_before).bind(request.limit).run());
}

// No index goes by the time of a line, and none is needed: they are written in its order, but for
// those of a clock that was ahead.
std::size_t delete_audit(Connection& connection, const PruneRequest& request, Timestamp now) {
  static const std::string kAudit =
      "DELETE FROM audit WHERE number IN (SELECT number FROM (SELECT number, at FROM audit"
      " WHERE at <= ?2 ORDER BY number LIMIT ?3) WHERE at < ?1)";
  Query query(connection, kAudit);
  return static_cast<std::size_t>(
      query.bind(request.audit_before).bind(now).bind(request.limit).run());
}

}  // namespace

// Rows that are kept for their schedule's sake lie among those that go: each call looks at `limit`
// rows at most, and the next one goes on behind them.
Pruned SqliteStore::prune(const PruneRequest& request, Timestamp now) {
  const Pruned pruned = connection_->write([&] {
    Pruned done;
    const auto runs = read_old_runs(*connection_, request, runs_pruned_to_, now);
    for (const auto& run : runs) {
      if (!run.goes) continue;
      delete_run(*connection_, run);
      ++done.runs;
    }
    const auto gaps = read_old_gaps(*connection_, request, gaps_pruned_to_, now);
    for (const auto& gap : gaps) {
      if (!gap.goes) continue;
      delete_gap(*connection_, gap);
      ++done.gaps;
    }
    done.logs = delete_logs(*connection_, request);
    done.audit = delete_audit(*connection_, request, now);

    const auto is_page = [&](std::size_t rows) { return rows > 0 && rows == request.limit; };
    runs_pruned_to_ = is_page(runs.size())
                          ? PruneCursor{runs.back().finished_at, {}, runs.back().number}
                          : PruneCursor{};
    gaps_pruned_to_ = is_page(gaps.size())
                          ? PruneCursor{gaps.back().to, gaps.back().schedule_id,
                                        gaps.back().from.time_since_epoch().count()}
                          : PruneCursor{};
    done.more =
        is_page(runs.size()) || is_page(gaps.size()) || is_page(done.logs) || is_page(done.audit);
    return done;
  });
  // Pages that nobody else reads would be kept until somebody else writes.
  if (!pruned.more) sqlite3_db_release_memory(connection_->database().getHandle());
  return pruned;
}

}  // namespace rruled::store
