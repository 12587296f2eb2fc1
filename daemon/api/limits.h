#pragma once

#include <chrono>
#include <cstddef>

namespace rruled::api {

// What one client, and all of them together, may cost. Sizes in bytes.
struct ServerLimits {
  std::size_t head_bytes_max = 8 * 1024;     // request line and header fields; more is 431
  std::size_t body_bytes_max = 1024 * 1024;  // more is 413
  std::size_t all_bodies_bytes_max = 64 * 1024 * 1024;  // being received at one time; more is 503
  // Bodies of answers that are being written, at one time: over that the one that has been written
  // for longest is broken off.
  std::size_t all_answers_bytes_max = 128 * 1024 * 1024;
  std::chrono::milliseconds head_timeout{10'000};   // from its first byte, or from the accept
  std::chrono::milliseconds body_timeout{30'000};   // from the end of the head
  std::chrono::milliseconds write_timeout{30'000};  // of a whole response
  std::chrono::milliseconds idle_timeout{60'000};   // between two requests
  std::chrono::milliseconds linger_timeout{1'000};  // for the peer to take a last response
  std::size_t connections_max = 1'000;
  std::size_t requests_per_connection_max = 10'000;
  std::size_t waiting_max = 256;           // requests whose answer is being made; more are 503
  std::size_t compress_bytes_min = 1'024;  // smaller bodies are never compressed
};

}  // namespace rruled::api
