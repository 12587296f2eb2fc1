#pragma once

#include "daemon/io/http_client.h"
#include "daemon/io/pacer.h"

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
// may help (no answer, 408, 429, 5xx). Bounded: when it is full the oldest goes. What is left after
// finish() is lost. Io thread only; must outlive run().
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

  // Goes on until finish().
  [[nodiscard]] boost::asio::awaitable<void> run();
  // Sends what waits, for so long at most.
  [[nodiscard]] boost::asio::awaitable<void> finish(std::chrono::milliseconds grace);

 private:
  [[nodiscard]] boost::asio::awaitable<void> send(HttpRequest request);

  const Clock& clock_;
  const std::unique_ptr<HttpClient> client_;
  const Limits limits_;
  const Tell tell_;
  std::deque<HttpRequest> requests_;
  Pacer pacer_;
  boost::asio::steady_timer ended_;  // cancelled when run() ends
  bool waiting_for_more_ = false;
  bool finishing_ = false;
  bool running_ = false;
};

}  // namespace rruled::io
