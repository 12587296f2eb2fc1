#include "daemon/io/outbound_queue.h"

#include "daemon/core/retry.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace rruled::io {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::hours kForEver{24};

struct Verdict {
  bool sent = false;
  bool again = false;
  std::string text;
};

Verdict verdict_of(const HttpExchange& exchange) {
  const auto* response = known_answer(exchange);
  if (response == nullptr) return {false, true, std::get<HttpFailure>(exchange.result).message};
  const int status = response->status;
  const auto kind = core::classify_http(status);
  return {kind == core::HttpVerdict::completed, kind == core::HttpVerdict::retry,
          "HTTP " + std::to_string(status)};
}

}  // namespace

OutboundQueue::OutboundQueue(asio::any_io_executor io,
                             const Clock& clock,
                             std::unique_ptr<HttpClient> client,
                             Limits limits,
                             Tell tell,
                             Complete complete)
    : io_(std::move(io)),
      clock_(clock),
      client_(std::move(client)),
      limits_(limits),
      tell_(std::move(tell)),
      complete_(std::move(complete)),
      timer_(io_),
      ended_(io_) {}

void OutboundQueue::put(HttpRequest request, std::string lane) {
  if (size() >= limits_.length_max) drop_oldest();
  entries_.push_back({.request = std::move(request), .lane = std::move(lane)});
  wake();
}

void OutboundQueue::drop_oldest() {
  entries_.erase(std::ranges::find(entries_, false, &Entry::under_way));
  const bool first = dropped_++ == 0;
  tell_(Result::dropped,
        first ? "more than " + std::to_string(limits_.length_max) + " wait" : std::string());
}

void OutboundQueue::tell_room() {
  if (const auto dropped = std::exchange(dropped_, 0); dropped > 0)
    tell_(Result::room_again, std::to_string(dropped));
}

// Begins what may go now; says when there may be more.
std::chrono::steady_clock::time_point OutboundQueue::begin_due() {
  const auto now = clock_.steady();
  auto next = now + kForEver;
  std::set<std::string_view> lanes;  // whose first request has been looked at
  std::vector<Entries::iterator> due;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (under_way_ >= limits_.at_once_max) break;
    if (!lanes.insert(entry->lane).second || entry->under_way) continue;
    if (entry->not_before > now) {
      next = std::min(next, entry->not_before);
      continue;
    }
    entry->under_way = true;
    ++under_way_;
    due.push_back(entry);
  }
  for (const auto& entry : due) asio::co_spawn(io_, send(entry), asio::detached);
  return next;
}

asio::awaitable<void> OutboundQueue::send(Entries::iterator entry) {
  HttpRequest copy = entry->request;
  if (complete_) complete_(copy);
  const auto exchange = co_await client_->send(std::move(copy), clock_.steady() + limits_.timeout);
  --under_way_;
  entry->under_way = false;
  ++entry->attempts;
  const Verdict verdict = verdict_of(exchange);
  if (!verdict.sent && verdict.again && entry->attempts < limits_.attempts_max) {
    entry->not_before = clock_.steady() + limits_.backoff * (1 << (entry->attempts - 1));
  } else {
    entries_.erase(entry);
    tell_(verdict.sent ? Result::sent : Result::failed, verdict.sent ? "" : verdict.text);
  }
  // Not as soon as one has gone: a queue that stays full would tell it over and over.
  if (size() <= limits_.length_max / 2) tell_room();
  wake();
}

bool OutboundQueue::over() const {
  return under_way_ == 0 && (stopped_ || (finishing_ && entries_.empty()));
}

void OutboundQueue::wake() {
  woken_ = true;
  timer_.cancel();
}

asio::awaitable<void> OutboundQueue::run() {
  running_ = true;
  while (!over()) {
    woken_ = false;
    const auto now = clock_.steady();
    const auto next = stopped_ ? now + kForEver : begin_due();
    if (woken_) continue;  // one ended at once
    timer_.expires_after(next - now);
    boost::system::error_code cancelled;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  client_->close_idle();
  running_ = false;
  ended_.cancel();
}

asio::awaitable<void> OutboundQueue::finish(std::chrono::milliseconds grace) {
  finishing_ = true;
  wake();
  if (running_) {
    ended_.expires_after(grace);
    boost::system::error_code ended;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  }
  stopped_ = true;
  wake();
  tell_room();
}

}  // namespace rruled::io
