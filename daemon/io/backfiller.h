#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/pacer.h"
#include "daemon/io/refused_rows.h"
#include "daemon/io/store_lane.h"
#include "daemon/io/trouble.h"
#include "rrule/zone_database.h"
#include "store/directory.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <memory>

namespace rruled::io {

// One step of every backfill that is not over, in its own transaction: core/backfill.h says which
// runs are added. Any number of daemons may do it at once: one of them moves a backfill on, and the
// others find it moved. One that the store refuses, or cannot read, is said and set aside. Gives
// how many runs were added. Used on the store's thread.
std::size_t step_backfills(store::Store& store,
                           store::Directory& directory,
                           const rrule::ZoneDatabase& zones,
                           store::Timestamp now,
                           RefusedRows& refused,
                           spdlog::logger& log);

// Does so each second, until stop(). Io thread only. All given outlive it. A fault is said, but
// for a store that is away (the planner says that), and the step tried again.
class Backfiller {
 public:
  Backfiller(boost::asio::any_io_executor io,
             StoreLane lane,
             const rrule::ZoneDatabase& zones,
             const Clock& clock,
             std::shared_ptr<spdlog::logger> log);

  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop() { pacer_.stop(); }

 private:
  const StoreLane lane_;
  const rrule::ZoneDatabase& zones_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<store::Directory> directory_;
  RefusedRows refused_;  // the store's thread only
  Pacer pacer_;
  Trouble trouble_;
};

}  // namespace rruled::io
