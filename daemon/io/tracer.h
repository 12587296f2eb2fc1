#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/driver.h"
#include "daemon/io/http_client.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rruled::io {

// Tells a collector (OpenTelemetry, OTLP/HTTP with JSON) of each attempt and of each run that
// ended: a run's span goes from due_at to its end, below it one for each attempt, by the ids that
// the receiver was given (trace_context.h). Spans wait in a queue of 2,048 and go in batches; when
// the collector is away they are kept while there is room and then dropped, counted. No run waits
// for any of it. Passes everything on to `next`. Io thread only.
class Tracer final : public Listener {
 public:
  static constexpr std::size_t kWaitingMax = 2'048;
  // So many spans reached the collector, so many were dropped.
  using Count = std::function<void(std::size_t sent, std::size_t dropped)>;

  // All given must outlive it.
  Tracer(Observer& next,
         boost::asio::any_io_executor io,
         const Clock& clock,
         std::shared_ptr<spdlog::logger> log,
         std::string version,
         Count count);

  // Where spans go from now on; empty: nowhere. The error of a URL that cannot be used changes
  // nothing.
  [[nodiscard]] SettingResult<bool> set_url(const std::string& url);
  // Sends what waits, for so long at most; nothing is taken any more.
  [[nodiscard]] boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

  void on(const core::Notice& notice) override;

 private:
  struct Target;

  void add(std::string span);
  void wake();
  [[nodiscard]] boost::asio::awaitable<void> work();
  [[nodiscard]] boost::asio::awaitable<bool> send_batch(
      std::shared_ptr<Target> target, std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] std::string request_body(std::size_t spans) const;
  void say_away(const std::string& why);

  const boost::asio::any_io_executor io_;
  const Clock& clock_;
  const std::shared_ptr<spdlog::logger> log_;
  const std::string version_;
  const Count count_;
  std::string url_;
  std::shared_ptr<Target> target_;   // null: nowhere
  std::deque<std::string> waiting_;  // JSON objects
  bool working_ = false;
  bool stopping_ = false;
  bool away_ = false;  // and it was said
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer ended_;  // cancelled when work() ends
};

}  // namespace rruled::io
