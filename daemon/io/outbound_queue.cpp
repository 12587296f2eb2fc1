#include "daemon/io/outbound_queue.h"

#include "daemon/core/retry.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

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
  if (const auto* failure = std::get_if<HttpFailure>(&exchange.result))
    return {false, true, failure->message};
  const int status = std::get<HttpResponse>(exchange.result).status;
  const auto kind = core::classify_http(status);
  return {kind == core::HttpVerdict::completed, kind == core::HttpVerdict::retry,
          "HTTP " + std::to_string(status)};
}

}  // namespace

OutboundQueue::OutboundQueue(asio::any_io_executor io,
                             const Clock& clock,
                             std::unique_ptr<HttpClient> client,
                             Limits limits,
                             Tell tell)
    : clock_(clock),
      client_(std::move(client)),
      limits_(limits),
      tell_(std::move(tell)),
      timer_(std::move(io)) {}

void OutboundQueue::put(HttpRequest request) {
  if (requests_.size() >= limits_.length_max) {
    requests_.pop_front();
    tell_(Result::dropped, "more than " + std::to_string(limits_.length_max) + " wait");
  }
  requests_.push_back(std::move(request));
  if (waiting_for_more_) timer_.cancel();
}

void OutboundQueue::stop() {
  stopped_ = true;
  timer_.cancel();
}

asio::awaitable<void> OutboundQueue::wait(std::chrono::milliseconds duration) {
  timer_.expires_after(duration);
  boost::system::error_code cancelled;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

asio::awaitable<void> OutboundQueue::send(HttpRequest request) {
  for (int attempt = 1; !stopped_; ++attempt) {
    HttpRequest copy = request;
    const auto exchange =
        co_await client_->send(std::move(copy), clock_.steady() + limits_.timeout);
    const Verdict verdict = verdict_of(exchange);
    if (verdict.sent) {
      tell_(Result::sent, {});
      co_return;
    }
    if (!verdict.again || attempt >= limits_.attempts_max) {
      tell_(Result::failed, verdict.text);
      co_return;
    }
    co_await wait(limits_.backoff * (1 << (attempt - 1)));
  }
}

asio::awaitable<void> OutboundQueue::run() {
  while (!stopped_) {
    if (requests_.empty()) {
      waiting_for_more_ = true;
      co_await wait(kForEver);
      waiting_for_more_ = false;
      continue;
    }
    HttpRequest request = std::move(requests_.front());
    requests_.pop_front();
    co_await send(std::move(request));
  }
  client_->close_idle();
}

}  // namespace rruled::io
