#pragma once

#include "store/postgres_rows.h"

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

// Who waits for the ends of one transaction, which may be of many schedules.
namespace rruled::store {

// Of one schedule, whose lock is held. Ends are added first, then told in their order: the slots of
// those that come after one still count.
class Queue {
 public:
  Queue(std::size_t max_running, bool overlaps) : max_running_(max_running), overlaps_(overlaps) {}

  void add_holding(Timestamp due) { holding_.push_back(due); }
  void add_waiting(Timestamp due, RunId id) { waiting_.emplace_back(due, id); }  // oldest first
  // The end of one that was due at `due`: the oldest waiting run, when it may go. Where runs
  // overlap, it waits for those before it alone: there may always be others.
  [[nodiscard]] std::optional<RunId> end(Timestamp due);
  [[nodiscard]] bool overlaps() const { return overlaps_; }

 private:
  std::size_t max_running_;
  bool overlaps_;
  std::vector<Timestamp> holding_;
  std::vector<std::pair<Timestamp, RunId>> waiting_;
};

// Of those schedules that are there. What has ended in the transaction is in none.
[[nodiscard]] std::map<ScheduleId, Queue> read_queues(Tx& tx, const std::vector<ScheduleId>& ids);
[[nodiscard]] std::map<RunId, Timestamp> read_due(Tx& tx, const std::vector<RunId>& ids);

}  // namespace rruled::store
