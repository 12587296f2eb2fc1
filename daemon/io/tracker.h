#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/driver.h"
#include "daemon/io/remote_jobs.h"
#include "store/run_desk.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rruled::io {

struct TrackerOptions {
  std::string executor;
  std::chrono::milliseconds poll_min{2'000};  // until the first question; doubled after each, up to
  std::chrono::milliseconds poll_max{60'000};
  std::chrono::milliseconds track_for{24 * 3'600'000};  // not over by then: the run is failed
  std::size_t asked_at_once = 4;                        // requests to the host
  std::chrono::milliseconds look_every{1'000};          // at the store, for runs to ask about
};

// Follows the runs that one executor's other side has accepted as batch jobs, until those end, and
// ends the runs as they did; cancels there what is wished to be cancelled. What is asked, and when,
// is in the store (run_desk.h): daemons share it. Io thread only. All given outlive it.
class Tracker {
 public:
  Tracker(boost::asio::any_io_executor io,
          StoreLane store,
          RemoteJobs& jobs,
          const Clock& clock,
          TrackerOptions options,
          Observer& observer,
          std::shared_ptr<spdlog::logger> log);

  // Goes on until stop(). A fault, of the store or another, is said, and what was not written is
  // asked again.
  [[nodiscard]] boost::asio::awaitable<void> run();
  // Breaks off what is asked; run() has ended when it returns.
  [[nodiscard]] boost::asio::awaitable<void> stop();

 private:
  using Group = std::vector<store::TrackedRun>;  // of one flow: one list answers for all

  [[nodiscard]] boost::asio::awaitable<void> rest(std::chrono::milliseconds wait);
  [[nodiscard]] boost::asio::awaitable<void> take();
  void spawn(Group group);
  void ended(const std::vector<store::RunId>& ids);
  [[nodiscard]] boost::asio::awaitable<void> ask(Group group);
  struct Cancelling {
    bool ended = false;   // the run is
    std::string error{};  // why the wish is to be sent again
  };
  [[nodiscard]] boost::asio::awaitable<Cancelling> cancel(store::TrackedRun tracked);
  [[nodiscard]] boost::asio::awaitable<void> end(store::TrackedRun tracked, store::EndTracked end);
  [[nodiscard]] boost::asio::awaitable<bool> end_as(store::TrackedRun tracked, core::RemoteJob job);
  [[nodiscard]] bool is_too_old(const store::TrackedRun& tracked) const;
  void say_once(const store::Run& run, const std::string& trouble);
  void say_once(const std::string& trouble);

  const boost::asio::any_io_executor io_;
  const StoreLane store_;
  RemoteJobs& jobs_;
  const Clock& clock_;
  const TrackerOptions options_;
  Observer& observer_;
  const std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<store::RunDesk> desk_;
  boost::asio::steady_timer timer_;
  struct Asking {
    bool with_wish = false;                   // which is sent now
    std::optional<store::TrackedRun> next{};  // with a wish that came since
  };
  std::map<store::RunId, Asking> asking_;                  // runs that are asked about, or will be
  std::deque<Group> groups_;                               // taken, not asked about yet
  std::list<boost::asio::cancellation_signal> under_way_;  // one for each group that is asked about
  std::string trouble_;                                    // with the store: what was said last
  std::map<store::FlowId, std::string> troubles_;          // of flows: as long as they last
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace rruled::io
