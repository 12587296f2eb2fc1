#pragma once

#include "daemon/api/limits.h"
#include "daemon/api/message.h"
#include "daemon/api/request_head.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace rruled::api {

// One request as its bytes come in: the head whole, then the body in pieces. Not thread-safe; reads
// no clock and no socket.
class Incoming {
 public:
  explicit Incoming(const ServerLimits& limits);
  ~Incoming();

  // Takes the head that `buffer` begins with (`size` bytes of it: head_size()) out of it. A
  // response refuses it, and the connection with it.
  [[nodiscard]] std::optional<Response> take_head(std::string& buffer, std::size_t size);
  // Takes as much of the body as is there. The same.
  [[nodiscard]] std::optional<Response> take_body(std::string& buffer);

  [[nodiscard]] bool complete() const;
  [[nodiscard]] const HeadFacts& facts() const { return facts_; }
  [[nodiscard]] Request& request() { return request_; }
  // The request with its body. Once, when complete.
  [[nodiscard]] Request release();

 private:
  struct Parser;

  const ServerLimits& limits_;
  std::unique_ptr<Parser> parser_;
  HeadFacts facts_;
  Request request_;
};

}  // namespace rruled::api
