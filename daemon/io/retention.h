#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/config.h"
#include "daemon/io/pacer.h"
#include "daemon/io/store_lane.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <memory>
#include <optional>

namespace rruled::io {

// Whether the wall clock may be believed: for an hour after a start, or after it went ahead by more
// than a day, it may not.
class LeapWatch {
 public:
  using Steady = std::chrono::steady_clock::time_point;

  explicit LeapWatch(Steady start);

  enum class Verdict { good, leapt, waits };  // leapt: at this look
  [[nodiscard]] Verdict look(store::Timestamp wall, Steady now);

 private:
  std::optional<store::Timestamp> wall_{};  // at the last look, which was at steady_
  Steady steady_;
  Steady waits_until_;
};

// Removes old runs, gaps and lines of both logs (Store::prune), a small batch at a time on the
// store's thread, with a pause as long as the batch took after each, so that what is due goes
// first. Rows that are old and stay (their schedule's window is longer) are looked at in every
// round: at most a hundredth of the time goes into that. A clock may be wrong by years, and what is
// gone does not come back when it is set right: nothing is removed while LeapWatch waits.
// Io thread only. All given outlive it.
class Retention {
 public:
  Retention(boost::asio::any_io_executor io,
            StoreLane lane,
            const Clock& clock,
            Config::Retention limits,
            std::shared_ptr<spdlog::logger> log);

  // Goes on until stop(). A fault, of the store or another, is said, and tried again at the next
  // round.
  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop() { pacer_.stop(); }
  // From the next batch on.
  void set_limits(Config::Retention limits) { limits_ = limits; }
  // From the end of the last round to the next one.
  [[nodiscard]] std::chrono::steady_clock::duration pause() const;

 private:
  [[nodiscard]] boost::asio::awaitable<void> round();
  [[nodiscard]] bool may_remove(store::Timestamp now, LeapWatch::Steady steady);

  const StoreLane lane_;
  const Clock& clock_;
  Config::Retention limits_;
  std::shared_ptr<spdlog::logger> log_;
  Pacer pacer_;
  LeapWatch leaps_;
  // What the last round spent on batches that removed nothing.
  std::chrono::steady_clock::duration in_vain_{0};
};

}  // namespace rruled::io
