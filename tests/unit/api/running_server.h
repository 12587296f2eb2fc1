#pragma once

#include "daemon/api/http_server.h"
#include "tests/unit/api/client.h"
#include "tests/unit/api/scripted_wire.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace rruled::test {

// Answers "/slow" when it is let go.
class HeldApplication final : public EchoApplication {
 public:
  boost::asio::awaitable<api::Response> answer(api::Request request) override {
    if (request.path == "/slow") {
      // Kept by those who wait, so that it is gone before their io_context is.
      auto timer = timer_.lock();
      if (!timer)
        timer_ = timer = std::make_shared<Timer>(co_await boost::asio::this_coro::executor,
                                                 Timer::time_point::max());
      ++held_;
      boost::system::error_code ignored;
      co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    co_return co_await EchoApplication::answer(std::move(request));
  }
  void release(boost::asio::io_context& io) {
    boost::asio::post(io, [this] {
      if (const auto timer = timer_.lock()) timer->cancel();
    });
  }
  void wait_until_held(int count) const {
    while (held_ < count) std::this_thread::yield();
  }

 private:
  using Timer = boost::asio::steady_timer;

  std::atomic<int> held_ = 0;
  std::weak_ptr<Timer> timer_;
};

// A server on a thread of its own.
class RunningServer {
 public:
  explicit RunningServer(api::Application& application,
                         api::ServerLimits limits = {},
                         const std::string& address = "127.0.0.1:0",
                         std::shared_ptr<api::TlsIdentity> identity = nullptr) {
    server_.emplace(io_.get_executor(), application, clock_, quiet_log(), limits);
    if (identity) server_->use_tls(std::move(identity));
    address_ = server_->listen(*api::parse_listen_address(address));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningServer() {
    stop(std::chrono::milliseconds(0));
    boost::asio::post(io_, [this] {
      server_.reset();
      guard_.reset();
    });
    thread_.join();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] Client::Protocol::endpoint endpoint() const {
    if (const auto* path = std::get_if<api::UnixPath>(&address_))
      return Client::Protocol::endpoint(boost::asio::local::stream_protocol::endpoint(path->path));
    return Client::Protocol::endpoint(std::get<boost::asio::ip::tcp::endpoint>(address_));
  }
  [[nodiscard]] const api::ListenAddress& address() const { return address_; }
  void stop(std::chrono::milliseconds grace) { begin_stop(grace).get(); }
  std::future<void> begin_stop(std::chrono::milliseconds grace) {
    return boost::asio::co_spawn(io_, stop_server(grace), boost::asio::use_future);
  }
  // What `ask` gives, asked on the server's thread.
  template <class Ask>
  auto on_io(Ask ask) {
    std::packaged_task<decltype(ask())()> task(std::move(ask));
    auto answer = task.get_future();
    boost::asio::post(io_, [&task] { task(); });
    return answer.get();
  }
  [[nodiscard]] std::size_t connections() {
    return on_io([this] { return server_->connections(); });
  }
  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::awaitable<void> stop_server(std::chrono::milliseconds grace) {
    co_await server_->stop(grace);
  }

  MovedClock clock_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{
      io_.get_executor()};
  std::optional<api::HttpServer> server_;
  api::ListenAddress address_;
  std::thread thread_;
};

}  // namespace rruled::test
