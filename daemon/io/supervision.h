#pragma once

#include "daemon/io/driver.h"

#include <chrono>
#include <optional>

namespace rruled::io {

// Tells the service manager how the loop is: READY=1 once the near horizon is loaded, STATUS= with
// counts, WATCHDOG=1 from the loop's own turns, so that a loop that stands still is noticed. Passes
// everything on to `next`. Io thread only.
class Supervision final : public Observer {
 public:
  explicit Supervision(Observer& next);

  void on(const core::Notice& notice) override { next_.on(notice); }
  void on_clock_step(std::chrono::milliseconds step) override { next_.on_clock_step(step); }
  void on_turn(const core::Planner::Load& load) override;
  void stopping();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  Observer& next_;
  const std::optional<std::chrono::microseconds> watchdog_;
  bool ready_ = false;
  bool stopping_ = false;
  SteadyTime fed_;
  SteadyTime told_;
};

}  // namespace rruled::io
