#pragma once

#include "store/history_place.h"
#include "store/run_desk.h"
#include "store/sqlite_store.h"

namespace rruled::store {

// The contract on the connection of a SqliteStore, which must outlive it.
class SqliteRunDesk final : public RunDesk {
 public:
  explicit SqliteRunDesk(SqliteStore& store) : store_(store) {}

  [[nodiscard]] std::vector<TrackedRun> take_tracked(const TakeTracked& request,
                                                     Timestamp now) override;
  [[nodiscard]] EndedTracked end_tracked(const EndTracked& end, Timestamp now) override;
  bool ask_to_cancel(RunId id, const std::string& reason, Timestamp now) override;
  [[nodiscard]] std::vector<Run> expire_runs(const ExpireRuns& request, Timestamp now) override;
  bool correct_waits(const std::vector<std::string>& executors, Timestamp now) override;
  [[nodiscard]] std::size_t purge_dead(const std::vector<RunId>& ids,
                                       const PurgeLine& line,
                                       Timestamp now) override;
  // sqlite_history.cpp
  [[nodiscard]] RemovedHistory remove_history(FlowId flow, std::size_t limit) override;

 private:
  SqliteStore& store_;
  HistoryPlace history_;
};

}  // namespace rruled::store
