#pragma once

#include "store/history_place.h"
#include "store/postgres_store.h"
#include "store/run_desk.h"

namespace rruled::store {

class PgConnection;

// The contract on the connection of a PostgresStore, which must outlive it.
class PostgresRunDesk final : public RunDesk {
 public:
  explicit PostgresRunDesk(PostgresStore& store) : connection_(store.connection()) {}

  [[nodiscard]] std::vector<TrackedRun> take_tracked(const TakeTracked& request,
                                                     Timestamp now) override;
  [[nodiscard]] EndedTracked end_tracked(const EndTracked& end, Timestamp now) override;
  bool ask_to_cancel(RunId id, const std::string& reason, Timestamp now) override;
  [[nodiscard]] std::vector<Run> expire_runs(const ExpireRuns& request, Timestamp now) override;
  bool correct_waits(const std::vector<std::string>& executors, Timestamp now) override;
  [[nodiscard]] std::size_t purge_dead(const std::vector<RunId>& ids,
                                       const PurgeLine& line,
                                       Timestamp now) override;
  // postgres_history.cpp
  [[nodiscard]] RemovedHistory remove_history(FlowId flow, std::size_t limit) override;

 private:
  PgConnection& connection_;
  HistoryPlace history_;
};

}  // namespace rruled::store
