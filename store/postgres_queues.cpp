#include "store/postgres_queues.h"

#include <algorithm>

namespace rruled::store {

std::optional<RunId> Queue::end(Timestamp due) {
  holding_.erase(std::ranges::find(holding_, due));
  if (waiting_.empty()) return std::nullopt;
  const Timestamp oldest = waiting_.front().first;
  const RunId id = waiting_.front().second;
  const auto holds_back = [&](Timestamp each) { return !overlaps_ || each < oldest; };
  if (static_cast<std::size_t>(std::ranges::count_if(holding_, holds_back)) >= max_running_)
    return std::nullopt;
  holding_.push_back(oldest);
  waiting_.erase(waiting_.begin());
  return id;
}

std::map<ScheduleId, Queue> read_queues(Tx& tx, const std::vector<ScheduleId>& ids) {
  // Where runs overlap there may be many that no waiting one waits for.
  static const std::string kQueues =
      "SELECT s.id, s.max_running, s.overlap = 'allow', h.due_at FROM schedule_rules s"
      " LEFT JOIN LATERAL (SELECT r.due_at FROM incomplete_runs r WHERE r.schedule_id = s.id"
      "  AND r." +
      std::string(kPgLive) +
      " AND r.status <> 'waiting' AND (s.overlap <> 'allow' OR r.due_at <"
      "  (SELECT max(w.due_at) FROM incomplete_runs w"
      "   WHERE w.schedule_id = s.id AND w.status = 'waiting'))) AS h ON true"
      " WHERE s.id = ANY($1::uuid[])";
  static const std::string kWaiting =
      "SELECT schedule_id, due_at, id FROM incomplete_runs WHERE schedule_id = ANY($1::uuid[])"
      " AND status = 'waiting' ORDER BY due_at, id";
  std::map<ScheduleId, Queue> queues;
  for_each_row(tx.exec(kQueues, Params().add_all(ids)), [&](PgReader& row) {
    const auto id = row.read<ScheduleId>();
    const auto max_running = row.read<std::size_t>();
    const bool overlaps = row.read<bool>();
    auto& queue = queues.try_emplace(id, max_running, overlaps).first->second;
    if (const auto due = row.read<std::optional<Timestamp>>()) queue.add_holding(*due);
  });
  for_each_row(tx.exec(kWaiting, Params().add_all(ids)), [&](PgReader& row) {
    const auto queue = queues.find(row.read<ScheduleId>());
    const auto due = row.read<Timestamp>();
    if (queue != queues.end()) queue->second.add_waiting(due, row.read<RunId>());
  });
  return queues;
}

std::map<RunId, Timestamp> read_due(Tx& tx, const std::vector<RunId>& ids) {
  static const std::string kDue = "SELECT id, due_at FROM runs WHERE id = ANY($1::uuid[])";
  std::map<RunId, Timestamp> due;
  if (ids.empty()) return due;
  for_each_row(tx.exec(kDue, Params().add_all(ids)), [&](PgReader& row) {
    const auto id = row.read<RunId>();
    due[id] = row.read<Timestamp>();
  });
  return due;
}

}  // namespace rruled::store
