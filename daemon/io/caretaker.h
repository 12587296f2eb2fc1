#pragma once

#include "daemon/core/action.h"
#include "daemon/io/clock.h"
#include "daemon/io/driver.h"
#include "daemon/io/pacer.h"
#include "daemon/io/store_lane.h"
#include "rrule/zone_database.h"
#include "store/directory.h"
#include "store/store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <memory>
#include <set>
#include <vector>

namespace rruled::io {

// What the daemon does to schedules in place of a person, each in its own transaction and with a
// line in the audit log ("daemon"). Any number of daemons may do it at once: the schedule's version
// lets one of them. Used on the store's thread; give what was done, as notices.

// Resumes what is paused until `now` or before; what passed meanwhile is one gap row.
[[nodiscard]] std::vector<core::Notice> resume_paused(store::Store& store,
                                                      store::Directory& directory,
                                                      const rrule::ZoneDatabase& zones,
                                                      store::Timestamp now);
// Pauses those of `schedules` that failed pause_after_failures times in a row.
[[nodiscard]] std::vector<core::Notice> pause_failing(
    store::Store& store,
    store::Directory& directory,
    const std::vector<store::ScheduleId>& schedules,
    store::Timestamp now);

// Does so each second, until stop(); hears which runs fail, and passes everything on to `next`. Io
// thread only. All given outlive it. A fault, of the store or
// another, is said and the step tried again.
class Caretaker final : public Listener {
 public:
  Caretaker(boost::asio::any_io_executor io,
            StoreLane lane,
            const rrule::ZoneDatabase& zones,
            const Clock& clock,
            std::shared_ptr<spdlog::logger> log,
            Observer& next);

  void on(const core::Notice& notice) override;

  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop() { pacer_.stop(); }

 private:
  [[nodiscard]] boost::asio::awaitable<void> step();

  const StoreLane lane_;
  const rrule::ZoneDatabase& zones_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<store::Directory> directory_;
  std::set<store::ScheduleId> failing_;
  Pacer pacer_;
};

}  // namespace rruled::io
