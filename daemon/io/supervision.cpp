#include "daemon/io/supervision.h"

#include "systemd/notify.h"

#include <string>

namespace rruled::io {
namespace {

constexpr std::chrono::seconds kStatusEvery{5};

std::string status_of(const core::Planner::Load& load) {
  return "STATUS=" + std::to_string(load.armed) + " schedules due soon, " +
         std::to_string(load.ready + load.queued) + " due now, " + std::to_string(load.in_flight) +
         " in flight" + (load.store_away ? "; the store is away" : "");
}

}  // namespace

Supervision::Supervision(Observer& next) : next_(next), watchdog_(systemd::watchdog_interval()) {}

void Supervision::on_turn(const core::Planner::Load& load) {
  next_.on_turn(load);
  if (!ready_) {
    if (!load.horizon_loaded) return;
    ready_ = true;
    systemd::notify("READY=1");
  }
  const auto now = std::chrono::steady_clock::now();
  if (watchdog_ && now - fed_ >= *watchdog_ / 4) {
    fed_ = now;
    systemd::notify("WATCHDOG=1");
  }
  if (!stopping_ && now - told_ >= kStatusEvery) {
    told_ = now;
    systemd::notify(status_of(load));
  }
}

void Supervision::stopping() {
  stopping_ = true;
  systemd::notify("STOPPING=1\nSTATUS=draining");
}

}  // namespace rruled::io
