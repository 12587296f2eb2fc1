#pragma once

#include "daemon/io/http_client.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace rruled::io {

// Reads the bytes of one HTTP/1 response to a POST, in whatever pieces they come; skips interim
// (1xx) ones. Pure. Memory is bounded: header 16 KiB, body `body_bytes_max`.
class HttpReply {
 public:
  enum class Progress { needs_more, done, too_large, garbage };
  static constexpr std::size_t kHeaderBytesMax = 16 * 1024;

  explicit HttpReply(std::size_t body_bytes_max);
  ~HttpReply();

  // After anything but `needs_more`, call neither again.
  Progress put(std::string_view bytes);
  // The connection ended. `garbage`: in the middle of a response.
  Progress put_end();

  // Whether any byte came.
  [[nodiscard]] bool begun() const;
  // Of a `done` reply: whether the connection may carry another request. False after a body that
  // was cut, or bytes that nobody asked for.
  [[nodiscard]] bool keep_alive() const;
  // Of a `done` reply; leaves it empty.
  [[nodiscard]] HttpResponse take();
  // Of any other: what it says so far, once its status is known and final (200 or more), be it of a
  // head that cannot be read any further. Leaves it empty.
  [[nodiscard]] std::optional<HttpResponse> take_broken();
  // What was wrong, for a person: "unexpected body".
  [[nodiscard]] std::string_view mistake() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace rruled::io
