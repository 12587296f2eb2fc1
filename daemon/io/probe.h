#pragma once

#include <chrono>
#include <cstdint>
#include <string>

// Questions to other listeners, each with a time limit of its own. They block: for the command
// line, never for the io thread.
namespace rruled::io {

struct HealthAnswer {
  bool ok = false;
  std::string text;  // one line for a person: what it answered, or why there is no answer
};

// GET `path` from the daemon that listens at `listen` (ADDRESS:PORT or unix:PATH, as api.listen has
// it; of a wildcard address the loopback is asked). `tls`: it speaks TLS there; whose certificate
// it has is not looked at, as the address is this machine's own. ok: it answered 200 in time.
[[nodiscard]] HealthAnswer ask_health(const std::string& listen,
                                      bool tls,
                                      const std::string& path,
                                      std::chrono::milliseconds timeout);

// Whether somebody accepts TCP connections there: empty, or why not, in one line.
[[nodiscard]] std::string why_unreachable(const std::string& host,
                                          std::uint16_t port,
                                          std::chrono::milliseconds timeout);

}  // namespace rruled::io
