#pragma once

#include "store/memory_store.h"
#include "store/run_desk.h"

#include <set>

namespace rruled::store {

// The contract over a MemoryStore, which must outlive it and holds what is written.
class MemoryRunDesk final : public RunDesk {
 public:
  explicit MemoryRunDesk(MemoryStore& store) : store_(store) {}

  [[nodiscard]] std::vector<TrackedRun> take_tracked(const TakeTracked& request,
                                                     Timestamp now) override;
  [[nodiscard]] EndedTracked end_tracked(const EndTracked& end, Timestamp now) override;
  bool ask_to_cancel(RunId id, const std::string& reason, Timestamp now) override;
  [[nodiscard]] std::vector<Run> expire_runs(const ExpireRuns& request, Timestamp now) override;
  bool correct_waits(const std::vector<std::string>& executors, Timestamp now) override;
  [[nodiscard]] std::size_t purge_dead(const std::vector<RunId>& ids,
                                       const PurgeLine& line,
                                       Timestamp now) override;
  // memory_history.cpp
  [[nodiscard]] RemovedHistory remove_history(FlowId flow, std::size_t limit) override;

 private:
  // They have ended. Their lines stay.
  void remove(const std::set<RunId>& gone);

  MemoryStore& store_;
};

}  // namespace rruled::store
