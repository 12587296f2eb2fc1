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
      pacer_(io),
      ended_(std::move(io)) {}

void OutboundQueue::put(HttpRequest request) {
  if (requests_.size() >= limits_.length_max) {
    requests_.pop_front();
    tell_(Result::dropped, "more than " + std::to_string(limits_.length_max) + " wait");
  }
  requests_.push_back(std::move(request));
  if (waiting_for_more_) pacer_.wake();
}

asio::awaitable<void> OutboundQueue::send(HttpRequest request) {
  for (int attempt = 1; !pacer_.stopped(); ++attempt) {
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
    co_await pacer_.rest(limits_.backoff * (1 << (attempt - 1)));
  }
}

asio::awaitable<void> OutboundQueue::run() {
  running_ = true;
  while (!pacer_.stopped() && !(finishing_ && requests_.empty())) {
    if (requests_.empty()) {
      waiting_for_more_ = true;
      co_await pacer_.rest(kForEver);
      waiting_for_more_ = false;
      continue;
    }
    HttpRequest request = std::move(requests_.front());
    requests_.pop_front();
    co_await send(std::move(request));
  }
  client_->close_idle();
  running_ = false;
  ended_.cancel();
}

asio::awaitable<void> OutboundQueue::finish(std::chrono::milliseconds grace) {
  finishing_ = true;
  if (waiting_for_more_) pacer_.wake();
  if (running_) {
    ended_.expires_after(grace);
    boost::system::error_code ended;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  }
  pacer_.stop();
}

}  // namespace rruled::io
