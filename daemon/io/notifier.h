#pragma once

#include "daemon/core/event.h"
#include "daemon/io/config.h"
#include "daemon/io/driver.h"
#include "daemon/io/outbound_queue.h"
#include "daemon/io/secret.h"
#include "daemon/io/url_template.h"

#include <boost/asio/any_io_executor.hpp>
#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace rruled::io {

// Tells others what happens, by HTTP ([notify]): events to a webhook, a dead-man ping after each
// run of a schedule, and a heartbeat while the daemon's loop turns and its store answers. Nothing
// of it delays a run. Passes everything on to `next`. Io thread only.
//
// A webhook's request is signed at each attempt: X-Rruled-Signature is "t=<seconds since 1970>,
// v1=<hexadecimal HMAC-SHA256 of "<t>.<body>">". X-Rruled-Event-Id is the same at all attempts.
class Notifier final : public Listener {
 public:
  // What became of a request: "sent", "failed", "dropped".
  using Count = std::function<void(const char* result)>;

  Notifier(boost::asio::any_io_executor io,
           const Clock& clock,
           Observer& next,
           std::shared_ptr<spdlog::logger> log,
           Count count);

  // Reads the key; an error names the setting. Before begin().
  [[nodiscard]] std::optional<SettingError> configure(const Config::Notify& config);
  void begin();
  // Sends what waits, for so long at most; after begin().
  [[nodiscard]] boost::asio::awaitable<void> finish(std::chrono::milliseconds grace);

  void on(const core::Notice& notice) override;
  void on_turn(const core::Planner::Load& load) override;

 private:
  struct Target {
    UrlTemplate url;
    std::unique_ptr<OutboundQueue> queue;
  };
  [[nodiscard]] SettingResult<std::optional<Target>> make_target(const std::string& url,
                                                                 const char* setting,
                                                                 OutboundQueue::Complete complete);
  void tell(OutboundQueue::Result result, const char* what, const std::string& why);
  void ping(const core::Notice& notice);

  const boost::asio::any_io_executor io_;
  const Clock& clock_;
  const std::shared_ptr<spdlog::logger> log_;
  const Count count_;
  std::optional<Target> webhook_;
  std::optional<Target> pings_;
  std::optional<Target> heartbeat_;
  std::optional<Secret> key_;
  std::set<core::Event> events_;
  std::chrono::milliseconds heartbeat_every_{60'000};
  std::optional<std::chrono::steady_clock::time_point> beat_at_;
};

// The value of X-Rruled-Signature.
[[nodiscard]] std::string signature(std::string_view key,
                                    store::Timestamp now,
                                    std::string_view body);

}  // namespace rruled::io
