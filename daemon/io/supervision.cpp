#include "daemon/io/supervision.h"

#include "systemd/notify.h"

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace rruled::io {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kStatusEvery{5};
// What is asked for beyond what is known to be needed.
constexpr seconds kMargin{10};

std::string more_time(microseconds time) {
  return "EXTEND_TIMEOUT_USEC=" + std::to_string(time.count());
}

// A line end would begin another assignment.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// By the clock that the service manager compares with (sd_notify(3)).
std::string monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return "MONOTONIC_USEC=" +
         std::to_string(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000);
}

}  // namespace

Supervision::Supervision(Observer& next)
    : Listener(next), watchdog_(systemd::watchdog_interval()) {}

std::string Supervision::status_of(const core::Planner::Load& load) const {
  std::string text = drained_by_ ? "STATUS=draining: " : "STATUS=";
  if (!drained_by_)
    text += std::to_string(load.armed) + " schedules due soon, " +
            std::to_string(load.ready + load.held + load.queued) + " due now, ";
  text += std::to_string(load.in_flight) + " in flight";
  if (load.store_away) text += "; the store is away";
  if (!refused_.empty()) text += "; the last reload was refused: " + refused_;
  return one_line(std::move(text));
}

void Supervision::on_turn(const core::Planner::Load& load) {
  next().on_turn(load);
  if (!ready_) {
    if (!load.horizon_loaded) return;
    ready_ = true;
    systemd::notify("READY=1");
  }
  const auto now = steady_clock::now();
  if (watchdog_ && now - fed_ >= *watchdog_ / 4) {
    fed_ = now;
    systemd::notify("WATCHDOG=1");
  }
  if (now - told_ < kStatusEvery) return;
  told_ = now;
  std::string state = status_of(load);
  if (drained_by_ && now < *drained_by_) {
    const auto left = std::chrono::duration_cast<microseconds>(*drained_by_ - now);
    state += "\n" + more_time(left + kMargin);
  }
  systemd::notify(state);
}

void Supervision::waiting(const std::string& what) {
  systemd::notify("STATUS=" + one_line(what) + "\n" + more_time(4 * kMargin));
}

void Supervision::reloading() { systemd::notify("RELOADING=1\n" + monotonic_now()); }

void Supervision::reloaded(const std::string& refused) {
  refused_ = refused;
  told_ = {};  // STATUS at the next turn
  if (ready_ && !drained_by_) systemd::notify("READY=1");
}

void Supervision::stopping(std::chrono::milliseconds limit) {
  drained_by_ = steady_clock::now() + limit;
  told_ = {};
  systemd::notify("STOPPING=1\nSTATUS=draining");
}

}  // namespace rruled::io
