#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/send_permit.h"
#include "daemon/io/setting_error.h"
#include "store/ids.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rruled::io {

// One request. Must be safe to repeat (an Idempotency-Key makes a POST so): see HttpClient::send.
// Names, values and target hold no control characters; that is the caller's to keep.
struct HttpRequest {
  std::string method = "POST";
  bool tls = false;
  std::string host;  // a name or an address; of IPv6 without brackets
  std::uint16_t port = 80;
  std::string target = "/";
  // Lines as they are sent, each with its end; Host and Content-Length come on top.
  std::string headers;
  std::string body;
  SendPermit permit;  // refused: Stage::cancelled

  HttpRequest& add_header(std::string_view name, std::string_view value) {
    assert(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    headers.append(name).append(": ").append(value).append("\r\n");
    return *this;
  }
};

struct HttpResponse {
  int status = 0;
  std::string reason;       // the standard phrase of the status; empty for an unknown one
  std::string retry_after;  // the header's text; empty when absent
  std::string body;         // its first bytes
  bool body_cut = false;    // there was more: over the limit, or the answer broke off
};

struct HttpFailure {
  enum class Stage {
    resolve,
    connect,
    tls,
    send,
    receive,
    timeout,    // the deadline passed, in whatever step
    too_large,  // the response's header
    garbage,    // what came is no HTTP/1 response
    cancelled,  // through the awaiting coroutine's slot
    shortage    // of descriptors or memory, here: nothing was sent
  };
  Stage stage = Stage::connect;
  std::string message;  // one line for a person, naming host and port
  // What the answer said before it broke off, or could not be read any further, where its status is
  // final (200 or more): that is known, whatever became of the rest.
  std::optional<HttpResponse> broken_answer{};
};

struct HttpExchange {
  std::variant<HttpResponse, HttpFailure> result;
  // When the first byte of the request left, or may have left; nullopt: none did.
  std::optional<store::Timestamp> first_byte_at;
};

// The answer as far as it is known: whole, or what came before it broke off. Null: not even its
// status.
[[nodiscard]] inline const HttpResponse* known_answer(const HttpExchange& exchange) {
  if (const auto* response = std::get_if<HttpResponse>(&exchange.result)) return response;
  const auto& broken = std::get<HttpFailure>(exchange.result).broken_answer;
  return broken ? &*broken : nullptr;
}

// HTTP/1.1 over plain TCP or TLS (1.2 or newer; certificate and host name are verified), with a
// pool of connections that are kept alive. Io thread only; must outlive its exchanges.
//
// Does not follow redirects, asks no proxy, keeps no cookies.
class HttpClient {
 public:
  struct Options {
    // False: for plain HTTP alone; spares the 0.1 s that reading the system's store takes.
    bool tls = true;
    std::filesystem::path ca_file{};             // PEM; empty: the system's store
    std::size_t body_bytes_max = 1'048'576;      // of a response; the rest is dropped
    std::size_t idle_per_host_max = 32;          // kept alive
    std::size_t idle_max = 256;                  // of all hosts
    std::chrono::milliseconds idle_for{90'000};  // then closed: what runs each minute finds them
  };

  // `clock` must outlive the client. Refuses an unusable `ca_file`.
  [[nodiscard]] static SettingResult<std::unique_ptr<HttpClient>> create(
      boost::asio::any_io_executor io, const Clock& clock, Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Ends at `deadline` at the latest. Throws nothing for what network or peer do. When a kept
  // connection turns out to have been closed before any byte of a response came, the request is
  // sent once more on a new one.
  [[nodiscard]] boost::asio::awaitable<HttpExchange> send(
      HttpRequest request, std::chrono::steady_clock::time_point deadline);

  // Closes the kept connections. Also stops their timer, which keeps io_context::run() busy.
  void close_idle();

 private:
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace rruled::io
