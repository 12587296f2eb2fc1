#include "store/run_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_run_desk.h"
#include "store/sqlite_runs.h"

namespace rruled::store {
namespace {

using Stage = HistoryPlace::Stage;

struct PastRun {
  std::int64_t number = 0;
  RunId id;
  Timestamp due;
  bool goes = false;
};

std::vector<PastRun> read_runs(Connection& connection,
                               const HistoryPlace& after,
                               std::size_t limit) {
  static const std::string kRuns =
      "SELECT r.number, r.id, r.due_at, r.status, NOT " + std::string(kIsCounted) +
      " FROM runs r INDEXED BY runs_by_flow WHERE r.flow_id = ? AND (r.due_at, r.number) > (?, ?)"
      " ORDER BY r.due_at, r.number LIMIT ?";
  std::vector<PastRun> found;
  Query query(connection, kRuns);
  query.bind(after.flow).bind(after.at).bind(after.number).bind(limit);
  while (query.step()) {
    auto& run = found.emplace_back();
    run.number = query.read<std::int64_t>();
    run.id = query.read<RunId>();
    run.due = query.read<Timestamp>();
    const bool ended = is_final(query.read<RunStatus>());
    run.goes = query.read<bool>() && ended;
  }
  return found;
}

std::size_t delete_lines_of(Connection& connection, RunId run, std::size_t limit) {
  static const std::string kLines =
      "DELETE FROM log_lines WHERE number IN"
      " (SELECT number FROM log_lines WHERE run_id = ? LIMIT ?)";
  Query query(connection, kLines);
  return static_cast<std::size_t>(query.bind(run).bind(limit).run());
}

// A run may have thousands of lines: it goes with the last of them.
HistoryBatch remove_runs(Connection& connection, const HistoryPlace& after, std::size_t limit) {
  // Attempts go by the foreign key.
  static const std::string kRun = "DELETE FROM runs WHERE number = ?";
  HistoryBatch batch{.at = after.at, .number = after.number};
  std::size_t lines_left = kLinesOfRun * limit;
  const auto runs = read_runs(connection, after, limit);
  for (const auto& run : runs) {
    if (run.goes) {
      const auto lines = delete_lines_of(connection, run.id, lines_left);
      lines_left -= lines;
      batch.removed += lines;
      batch.full = lines_left == 0;
      if (batch.full) return batch;
      Query(connection, kRun).bind(run.number).run();
      ++batch.removed;
    }
    batch.at = run.due;
    batch.number = run.number;
  }
  batch.full = runs.size() == limit;
  return batch;
}

struct Line {
  std::int64_t number = 0;
  Timestamp timestamp;
  bool goes = false;
};

std::vector<Line> read_lines(Connection& connection, const HistoryPlace& after, std::size_t limit) {
  static const std::string kLines =
      "SELECT number, timestamp, run_id IS NULL FROM log_lines INDEXED BY log_lines_by_flow"
      " WHERE flow_id = ? AND (timestamp, number) > (?, ?) ORDER BY timestamp, number LIMIT ?";
  std::vector<Line> found;
  Query query(connection, kLines);
  query.bind(after.flow).bind(after.at).bind(after.number).bind(limit);
  while (query.step()) {
    auto& line = found.emplace_back();
    line.number = query.read<std::int64_t>();
    line.timestamp = query.read<Timestamp>();
    line.goes = query.read<bool>();
  }
  return found;
}

HistoryBatch remove_lines(Connection& connection, const HistoryPlace& after, std::size_t limit) {
  static const std::string kLine = "DELETE FROM log_lines WHERE number = ?";
  HistoryBatch batch;
  const auto lines = read_lines(connection, after, limit);
  for (const auto& line : lines) {
    batch.at = line.timestamp;
    batch.number = line.number;
    if (!line.goes) continue;
    Query(connection, kLine).bind(line.number).run();
    ++batch.removed;
  }
  batch.full = lines.size() == limit;
  return batch;
}

HistoryBatch remove_gaps(Connection& connection, FlowId flow, std::size_t limit) {
  static const std::string kGaps =
      "DELETE FROM gaps WHERE (schedule_id, from_at) IN"
      " (SELECT schedule_id, from_at FROM gaps INDEXED BY gaps_by_flow WHERE flow_id = ? LIMIT ?)";
  Query query(connection, kGaps);
  return {.removed = static_cast<std::size_t>(query.bind(flow).bind(limit).run())};
}

}  // namespace

RemovedHistory SqliteRunDesk::remove_history(FlowId flow, std::size_t limit) {
  if (limit == 0) return {};
  history_.turn_to(flow);
  auto& connection = store_.connection();
  return history_.move_on(connection.write([&] {
    switch (history_.stage) {
      case Stage::runs:
        return remove_runs(connection, history_, limit);
      case Stage::lines:
        return remove_lines(connection, history_, limit);
      case Stage::gaps:
        break;
    }
    return remove_gaps(connection, flow, limit);
  }));
}

}  // namespace rruled::store
