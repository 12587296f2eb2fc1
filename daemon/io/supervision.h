#pragma once

#include "daemon/io/driver.h"

#include <chrono>
#include <optional>
#include <string>

namespace rruled::io {

// Tells the service manager how the loop is: READY=1 once the near horizon is loaded, STATUS= with
// counts, WATCHDOG=1 from the loop's own turns, so that a loop that stands still is noticed; while
// it starts or drains, that it needs the time. Passes everything on to `next`. Io thread only.
class Supervision final : public Listener {
 public:
  explicit Supervision(Observer& next);

  void on_turn(const core::Planner::Load& load) override;

  // Before the loop turns: it waits for this, and will wait on.
  static void waiting(const std::string& what);
  // A reload begins, and ends; `refused` says why nothing of it was taken, and stands in STATUS
  // until the next one.
  void reloading();
  void reloaded(const std::string& refused);
  // The drain begins; it ends within `limit`.
  void stopping(std::chrono::milliseconds limit);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  [[nodiscard]] std::string status_of(const core::Planner::Load& load) const;

  const std::optional<std::chrono::microseconds> watchdog_;
  bool ready_ = false;
  std::string refused_;
  std::optional<SteadyTime> drained_by_;
  SteadyTime fed_;
  SteadyTime told_;
};

}  // namespace rruled::io
