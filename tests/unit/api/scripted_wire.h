#pragma once

#include "daemon/api/session.h"
#include "daemon/api/wire.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace rruled::test {

// What a client sends, in pieces, and what it got.
struct WireScript {
  std::deque<std::string> pieces{};  // each is one read, or several when the buffer is small
  bool silent_at_end = false;        // then the deadline comes; else the client's end
  std::string written{};
  std::vector<std::chrono::milliseconds> allowed{};  // by each read and write, from when it began
  bool stalled = false;                              // writes end by their deadline
  bool ended = false;                                // told that nothing follows
  bool closed = false;
};

class ScriptedWire final : public api::Wire {
 public:
  explicit ScriptedWire(WireScript& script) : script_(script) {}

  boost::asio::awaitable<boost::system::error_code> begin(Deadline deadline) override {
    note(deadline);
    co_return boost::system::error_code();
  }
  boost::asio::awaitable<Read> read_some(std::span<char> buffer, Deadline deadline) override {
    note(deadline);
    using boost::system::error_code;
    if (script_.pieces.empty() && script_.silent_at_end)
      co_return Read{error_code(boost::asio::error::timed_out), 0};
    if (script_.pieces.empty()) co_return Read{error_code(boost::asio::error::eof), 0};
    std::string& piece = script_.pieces.front();
    const auto size = std::min(piece.size(), buffer.size());
    std::copy_n(piece.begin(), size, buffer.begin());
    piece.erase(0, size);
    if (piece.empty()) script_.pieces.pop_front();
    co_return Read{{}, size};
  }
  boost::asio::awaitable<boost::system::error_code> write(std::string_view first,
                                                          std::string_view second,
                                                          Deadline deadline) override {
    note(deadline);
    if (script_.stalled) co_return boost::system::error_code(boost::asio::error::timed_out);
    script_.written.append(first).append(second);
    co_return boost::system::error_code();
  }
  boost::asio::awaitable<void> end_writing(Deadline) override {
    script_.ended = true;
    co_return;
  }
  void close() override { script_.closed = true; }
  [[nodiscard]] bool secure() const override { return false; }

 private:
  void note(Deadline deadline) {
    script_.allowed.push_back(
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
  }

  WireScript& script_;
};

// Says what it was asked.
class EchoApplication : public api::Application {
 public:
  boost::asio::awaitable<std::optional<api::Response>> refuse(const api::Request& head) override {
    heads.push_back(head.method + " " + head.path);
    co_return refusal;
  }
  boost::asio::awaitable<api::Response> answer(api::Request request) override {
    requests.push_back(request);
    if (request.path == "/throws") throw std::runtime_error("secret of the house");
    co_return api::Response{.body = "<" + request.method + " " + request.target + " " +
                                    request.body + ">"};
  }

  std::optional<api::Response> refusal;
  std::vector<std::string> heads;
  std::vector<api::Request> requests;
};

inline std::shared_ptr<spdlog::logger> quiet_log() {
  return std::make_shared<spdlog::logger>("api", std::make_shared<spdlog::sinks::null_sink_mt>());
}

// 2026-01-05 09:00:00 UTC, until a test moves it.
class MovedClock final : public io::Clock {
 public:
  [[nodiscard]] store::Timestamp now() const override { return at; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
  [[nodiscard]] std::chrono::nanoseconds since_boot() const override {
    return steady().time_since_epoch();
  }
  store::Timestamp at{std::chrono::milliseconds(1'767'603'600'000)};
};

// Lets one session speak with `script` to its end.
inline void converse(WireScript& script, api::Application& application, api::ServerLimits limits) {
  static const MovedClock clock;
  boost::asio::io_context io{1};
  auto context = std::make_shared<api::SessionContext>(
      api::SessionContext{limits, application, clock, quiet_log()});
  api::Session session(context, std::make_unique<ScriptedWire>(script));
  boost::asio::co_spawn(io, session.run(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
}

}  // namespace rruled::test
