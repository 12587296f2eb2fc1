#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/driver.h"
#include "daemon/io/log_fields.h"
#include "daemon/io/trouble.h"

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace rruled::io {

// Tells people what happened, a line each, and sums it up at the end. Io thread only.
class Journal final : public Observer {
 public:
  Journal(std::shared_ptr<spdlog::logger> log, const Clock& clock);

  void on(const core::Notice& notice) override;
  void on_clock_step(WhoseClock whose, std::chrono::milliseconds step) override;
  void on_turn(const core::Planner::Load& load) override;
  void on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds took) override;
  void on_store_silence(std::string_view asked, std::chrono::nanoseconds out_for) override;

  // "12 runs completed, 1 failed, ..; lateness p50 2 ms, max 9 ms".
  void sum_up();

 private:
  void run_ended(const core::Notice& notice);
  void breaker_changed(const core::Notice& notice);
  void tell(const core::Notice& notice);
  [[nodiscard]] LogFields fields(const core::Notice& notice) const;
  [[nodiscard]] std::chrono::milliseconds lateness(const store::Run& run) const;

  std::shared_ptr<spdlog::logger> log_;
  const Clock& clock_;
  std::uint64_t completed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t cancelled_ = 0;
  std::uint64_t retried_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t missed_ = 0;
  // Lateness of the runs so far by bucket: 2^i ms to 2^(i+1) ms, so that its size is fixed.
  std::vector<std::uint64_t> lateness_;
  std::chrono::milliseconds lateness_max_{0};
  Trouble trouble_;  // with the store
  std::optional<std::chrono::steady_clock::time_point> away_since_;
};

}  // namespace rruled::io
