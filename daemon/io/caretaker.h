#pragma once

#include "daemon/core/action.h"
#include "daemon/io/clock.h"
#include "daemon/io/driver.h"
#include "daemon/io/pacer.h"
#include "daemon/io/refused_rows.h"
#include "daemon/io/store_lane.h"
#include "daemon/io/trouble.h"
#include "rrule/zone_database.h"
#include "store/directory.h"
#include "store/store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace rruled::io {

// What the daemon does to schedules in place of a person, each in its own transaction and with a
// line in the audit log ("daemon"). Any number of daemons may do it at once: the schedule's version
// lets one of them. One that the store refuses to write, or cannot read, is said and set aside.
// Used on the store's thread; add what was done to the step, one by one: a fault of the store loses
// none of it.
struct CareParts {
  store::Store& store;
  store::Directory& directory;
  const rrule::ZoneDatabase& zones;
  // What is set aside for one verb is not for the other.
  RefusedRows& not_resumed;
  RefusedRows& not_paused;
};
using Notices = std::vector<core::Notice>;

// A way through the active schedules, soonest due first. Failures are counted as they are heard: of
// those that ended when an earlier daemon did, nobody has counted any.
struct DueWalk {
  std::optional<store::DueCursor> after{};
  bool over = false;
};

// What was done before a fault is there beside it.
struct CareStep {
  Notices done{};
  std::vector<store::ScheduleId> unpaused{};  // set aside: to be looked at again after a minute
  DueWalk walk{};                             // from here on
  std::exception_ptr error{};                 // null: all of it was done
};

// Resumes what is paused until `now` or before; what passed meanwhile is one gap row.
void resume_paused(const CareParts& parts, store::Timestamp now, CareStep& step);
// Pauses those of `schedules` that failed pause_after_failures times in a row.
void pause_failing(const CareParts& parts,
                   const std::vector<store::ScheduleId>& schedules,
                   store::Timestamp now,
                   CareStep& step);
// Pauses those that it meets on the walk's next stretch, as pause_failing() does. A stretch is one
// page (500), and more while they are due at `now` or in two minutes, to 2,000 at most. After a
// fault the walk is at the page that was not gone through.
void pause_failed_before(const CareParts& parts, store::Timestamp now, CareStep& step);

// Resumes, and pauses those of `failing` and those that the walk meets.
[[nodiscard]] CareStep take_care(const CareParts& parts,
                                 const std::vector<store::ScheduleId>& failing,
                                 DueWalk walk,
                                 store::Timestamp now);

// Does so each second, until stop(); hears which runs fail, and passes everything on to `next`. The
// first step is asked of the store's thread before what is asked of it after run() has begun: what
// is to be paused is settled by nobody here. Io thread only. All given outlive it. A fault is
// said, but for a store that is away (the planner says that), and the step tried again.
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
  // Stops, and looks once more at what has failed lately; not where the last step broke off, as the
  // next daemon does (a store that is away would take its time).
  [[nodiscard]] boost::asio::awaitable<void> finish();

 private:
  [[nodiscard]] boost::asio::awaitable<void> step();
  [[nodiscard]] std::vector<store::ScheduleId> take_failing();

  const StoreLane lane_;
  const rrule::ZoneDatabase& zones_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<store::Directory> directory_;
  RefusedRows not_resumed_;  // these two on the store's thread only
  RefusedRows not_paused_;
  std::set<store::ScheduleId> failing_;
  std::map<store::ScheduleId, std::chrono::steady_clock::time_point> later_;  // failing from then
  DueWalk walk_;
  bool failed_ = false;  // the last step
  Trouble trouble_;
  Pacer pacer_;
};

}  // namespace rruled::io
