#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <utility>

namespace rruled::io {

// The rests of a loop that goes on until it is stopped. Io thread only; must outlive the loop.
//
//   while (!pacer_.stopped()) {
//     co_await work();
//     co_await pacer_.rest(1s);
//   }
class Pacer {
 public:
  explicit Pacer(boost::asio::any_io_executor io) : timer_(std::move(io)) {}

  // Ends early when stopped or woken; at once when it is stopped already.
  [[nodiscard]] boost::asio::awaitable<void> rest(std::chrono::steady_clock::duration wait) {
    if (stopped_) co_return;
    timer_.expires_after(wait);
    boost::system::error_code cancelled;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }
  void wake() { timer_.cancel(); }
  void stop() {
    stopped_ = true;
    wake();
  }
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  boost::asio::steady_timer timer_;
  bool stopped_ = false;
};

}  // namespace rruled::io
