#pragma once

#include <chrono>
#include <optional>
#include <string_view>

// The service manager's protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET.
namespace rruled::systemd {

// Sends "READY=1", "STATUS=..", "STOPPING=1", "WATCHDOG=1", .. several may be joined by newlines.
// Nothing happens, and false comes back, when no service manager listens. Thread-safe.
bool notify(std::string_view state);

// How often the manager wants "WATCHDOG=1" at the latest; nullopt when it does not watch us.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace rruled::systemd
