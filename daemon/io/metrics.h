#pragma once

#include "daemon/io/driver.h"
#include "store/survey.h"

#include <map>
#include <memory>
#include <string>

namespace rruled::io {

// Counts what the engine does, for Prometheus. Labels are bounded: executors are those of the
// configuration, reasons and outcomes words of ours. Passes everything on to `next`. Io thread
// only.
class Metrics final : public Listener {
 public:
  // Both must outlive it.
  Metrics(Observer& next, const StoreClock& clock, const std::string& version);
  ~Metrics() override;

  void on(const core::Notice& notice) override;
  void on_clock_step(WhoseClock whose, std::chrono::milliseconds step) override;
  void on_start(std::chrono::milliseconds late_by) override;
  void on_turn(const core::Planner::Load& load) override;
  // "sent", "failed" or "dropped".
  void count_notification(const char* result);
  void on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds took) override;
  void on_step(std::chrono::nanoseconds took) override;
  // How the store was found, with Planner::full_executors() then; gives the last one.
  void set_survey(const store::Survey& survey, const std::map<std::string, bool>& full);
  [[nodiscard]] const store::Survey* survey() const;
  // A reload of the configuration was taken, or refused.
  void count_reload(bool taken);
  // Spans that reached the collector, or were dropped.
  void count_spans(std::size_t sent, std::size_t dropped);
  // So many schedules have series of their own.
  void set_per_schedule(std::size_t cap);
  // The version of the time zones in use.
  void set_zones(const std::string& version);

  // The breakers that there are now, by executor: a new one, or one of other options, is closed
  // (Planner::set_breakers); those of other executors are shown no more.
  void set_breakers(const std::map<std::string, core::BreakerOptions>& breakers);

  // All of it in the text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct Families;
  void count_breaker(const std::string& executor, core::Breaker::State state);

  const StoreClock& clock_;
  std::unique_ptr<Families> families_;
};

}  // namespace rruled::io
