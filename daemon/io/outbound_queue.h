#pragma once

#include "daemon/io/http_client.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace rruled::io {

// Requests to one place that nobody waits for: sent one after the other, each tried again while it
// may help (no answer, 408, 429, 5xx). Bounded: when it is full the oldest goes. What is left when
// the process ends is lost. Io thread only; must outlive run().
class OutboundQueue {
 public:
  enum class Result { sent, failed, dropped };
  struct Limits {
    std::size_t length_max = 1'000;
    int attempts_max = 5;
    std::chrono::milliseconds backoff{1'000};  // doubling
    std::chrono::milliseconds timeout{10'000};
  };
  // Told of each request's end; `text` says why it failed.
  using Tell = std::function<void(Result result, const std::string& text)>;

  OutboundQueue(boost::asio::any_io_executor io,
                const Clock& clock,
                std::unique_ptr<HttpClient> client,
                Limits limits,
                Tell tell);

  void put(HttpRequest request);
  [[nodiscard]] std::size_t size() const { return requests_.size(); }

  // Goes on until stop().
  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop();

 private:
  [[nodiscard]] boost::asio::awaitable<void> send(HttpRequest request);
  [[nodiscard]] boost::asio::awaitable<void> wait(std::chrono::milliseconds duration);

  const Clock& clock_;
  const std::unique_ptr<HttpClient> client_;
  const Limits limits_;
  const Tell tell_;
  std::deque<HttpRequest> requests_;
  boost::asio::steady_timer timer_;
  bool waiting_for_more_ = false;
  bool stopped_ = false;
};

}  // namespace rruled::io
