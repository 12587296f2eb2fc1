#pragma once

#include "tests/support/certificates.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rruled::test {

struct ReceivedRequest {
  int connection = 0;  // 1 is the first that was accepted
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // in order, as written
  std::string body;

  // The header's value; nullopt: absent. Letter case does not matter.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

struct ScriptedAnswer {
  enum class Fault {
    none,
    drop_unread,      // reset when a request comes, without reading it
    drop_unanswered,  // read the request, then close
    hang,  // read the request (or, over TLS, nothing), then stay silent until the peer leaves
  };
  Fault fault = Fault::none;
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body = "{}";
  std::optional<std::string> raw{};  // these bytes instead of status, headers and body
  bool close = false;                // then close; with "Connection: close" unless raw
  bool reset = false;                // close, but by a reset
  bool held = false;                 // until release()
};

// An HTTP/1.1 server on 127.0.0.1 for tests: answers by script and remembers what came. Runs on a
// thread of its own; every method may be called from any thread.
//
//   LoopbackReceiver receiver;
//   receiver.answer({.status = 503});             // the first request; those after it get 200
//   ... POST to receiver.url("/hook") ...
//   CHECK(receiver.requests().at(0).body == "{}");
class LoopbackReceiver {
 public:
  // With an identity it speaks TLS.
  explicit LoopbackReceiver(std::optional<Identity> identity = std::nullopt);
  LoopbackReceiver(const LoopbackReceiver&) = delete;
  LoopbackReceiver& operator=(const LoopbackReceiver&) = delete;
  ~LoopbackReceiver();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url(std::string_view target, std::string_view host = "127.0.0.1") const;

  // For the next request that no answer is scripted for yet.
  void answer(ScriptedAnswer answer);
  // For every request without a scripted answer, from now on.
  void always_answer(ScriptedAnswer answer);
  // Lets held answers go, those to come included.
  void release();
  // Closes every connection; returns when it is done.
  void close_connections();

  // Called on the receiver's thread, when a connection is accepted, or a request has been read.
  void on_connection(std::function<void()> call);
  void on_request(std::function<void()> call);

  [[nodiscard]] std::vector<ReceivedRequest> requests() const;
  [[nodiscard]] int connections() const;
  // Waits until so many requests have been read. False: they were not within ten seconds.
  [[nodiscard]] bool wait_for_requests(std::size_t count) const;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace rruled::test
