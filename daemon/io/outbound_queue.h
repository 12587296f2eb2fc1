#pragma once

#include "daemon/io/http_client.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>

namespace rruled::io {

// Requests to one place that nobody waits for, each tried again while it may help (no answer, 408,
// 409, 425, 429, 5xx). Those of one lane go one after the other, in order; lanes go side by side,
// so that a request that rests between two attempts holds up its own lane alone. Bounded: when it
// is full the oldest goes. What is left after finish() is lost. Io thread only; must outlive run().
class OutboundQueue {
 public:
  enum class Result {
    sent,
    failed,
    dropped,
    room_again  // of no request: there is room, after some were dropped
  };
  struct Limits {
    std::size_t length_max = 1'000;  // those being sent come on top
    std::size_t at_once_max = 8;
    int attempts_max = 5;
    std::chrono::milliseconds backoff{1'000};  // doubling
    std::chrono::milliseconds timeout{10'000};
  };
  // Told of each request's end. `text` is for a person: why it failed; at the first that is dropped
  // why, and with room_again how many were; else empty.
  using Tell = std::function<void(Result result, const std::string& text)>;
  // What is to be said at each attempt anew, such as when it was; null: nothing.
  using Complete = std::function<void(HttpRequest& request)>;

  OutboundQueue(boost::asio::any_io_executor io,
                const Clock& clock,
                std::unique_ptr<HttpClient> client,
                Limits limits,
                Tell tell,
                Complete complete = {});

  void put(HttpRequest request, std::string lane = {});
  // Those that wait, for their first attempt or another.
  [[nodiscard]] std::size_t size() const { return entries_.size() - under_way_; }

  // Goes on until finish().
  [[nodiscard]] boost::asio::awaitable<void> run();
  // Sends what waits, for so long at most.
  [[nodiscard]] boost::asio::awaitable<void> finish(std::chrono::milliseconds grace);

 private:
  struct Entry {
    HttpRequest request;
    std::string lane;
    int attempts = 0;
    std::chrono::steady_clock::time_point not_before{};
    bool under_way = false;
  };
  using Entries = std::list<Entry>;

  void drop_oldest();
  void tell_room();
  [[nodiscard]] std::chrono::steady_clock::time_point begin_due();
  [[nodiscard]] boost::asio::awaitable<void> send(Entries::iterator entry);
  [[nodiscard]] bool over() const;
  void wake();

  const boost::asio::any_io_executor io_;
  const Clock& clock_;
  const std::unique_ptr<HttpClient> client_;
  const Limits limits_;
  const Tell tell_;
  const Complete complete_;
  Entries entries_;            // in order of put(); those under way, too
  std::size_t under_way_ = 0;  // of entries_
  std::size_t dropped_ = 0;    // since there was room
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer ended_;  // cancelled when run() ends
  bool woken_ = false;
  bool finishing_ = false;
  bool stopped_ = false;
  bool running_ = false;
};

}  // namespace rruled::io
