#include "daemon/io/tracer.h"

#include "daemon/core/run_identity.h"
#include "daemon/io/trace_context.h"
#include "daemon/io/url_template.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using core::Notice;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kSpanBatch = 256;
constexpr milliseconds kGather{1'000};  // a first span waits so long for company
constexpr milliseconds kRequestTimeout{10'000};
constexpr milliseconds kAgainMin{1'000};
constexpr milliseconds kAgainMax{30'000};

// The numbers of OTLP.
constexpr int kInternal = 1;
constexpr int kClient = 3;
constexpr int kStatusOk = 1;
constexpr int kStatusError = 2;

std::string nanoseconds_text(store::Timestamp time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

class Attributes {
 public:
  Attributes& add(std::string_view key, std::string_view text) {
    list_.push_back(json::object{{"key", key}, {"value", json::object{{"stringValue", text}}}});
    return *this;
  }
  Attributes& add(std::string_view key, std::int64_t number) {  // 64 bits are texts in OTLP's JSON
    list_.push_back(
        json::object{{"key", key}, {"value", json::object{{"intValue", std::to_string(number)}}}});
    return *this;
  }
  [[nodiscard]] json::array take() { return std::move(list_); }

 private:
  json::array list_;
};

Attributes attributes_of(const store::Run& run) {
  Attributes all;
  all.add("rruled.run.id", to_string(run.id))
      .add("rruled.flow.id", to_string(run.flow_id))
      .add("rruled.project.id", run.project_id)
      .add("rruled.origin", store::word(run.origin))
      .add("rruled.executor", run.executor);
  if (run.schedule_id) all.add("rruled.schedule.id", to_string(*run.schedule_id));
  if (run.scheduled_for) all.add("rruled.scheduled_for", core::rfc3339(*run.scheduled_for));
  return all;
}

json::object status_of(bool good, const std::string& error) {
  if (good) return {{"code", kStatusOk}};
  return {{"code", kStatusError}, {"message", error}};
}

// Without a first byte nothing was begun, and there is no span.
std::string attempt_span(const Notice& notice) {
  const store::Run& run = *notice.run;
  const core::Report& report = *notice.report;
  auto attributes = attributes_of(run);
  attributes.add("rruled.attempt", run.attempts);
  if (report.status_code) attributes.add("rruled.status_code", *report.status_code);
  const auto begun = *report.started_at;
  return json::serialize(json::object{
      {"traceId", trace_id(run)},
      {"spanId", attempt_span_id(run)},
      {"parentSpanId", run_span_id(run)},
      {"name", "attempt"},
      {"kind", kClient},
      {"startTimeUnixNano", nanoseconds_text(begun)},
      {"endTimeUnixNano", nanoseconds_text(std::max(begun, report.finished_at.value_or(begun)))},
      {"attributes", attributes.take()},
      {"status", status_of(report.kind == core::Report::Kind::completed, report.error)}});
}

std::string run_span(const Notice& notice, store::Timestamp now) {
  const store::Run& run = *notice.run;
  // What went on elsewhere, or is given up by its age, does not end with an attempt.
  const auto answered = notice.report ? notice.report->finished_at : run.finished_at;
  const auto end = std::max(run.due_at, answered.value_or(now));
  auto attributes = attributes_of(run);
  attributes.add("rruled.outcome", store::word(*notice.status));
  if (run.started_at)
    attributes.add("rruled.lateness_ms",
                   std::max(milliseconds(0), *run.started_at - run.due_at).count());
  return json::serialize(
      json::object{{"traceId", trace_id(run)},
                   {"spanId", run_span_id(run)},
                   {"name", run.flow_name.empty() ? std::string("run") : run.flow_name},
                   {"kind", kInternal},
                   {"startTimeUnixNano", nanoseconds_text(run.due_at)},
                   {"endTimeUnixNano", nanoseconds_text(end)},
                   {"attributes", attributes.take()},
                   {"status", status_of(notice.status == store::RunStatus::completed,
                                        notice.report ? notice.report->error : run.error)}});
}

// What the specification says to try again.
bool may_come_back(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

struct Tracer::Target {
  UrlTemplate url;
  std::unique_ptr<HttpClient> client;
};

Tracer::Tracer(Observer& next,
               asio::any_io_executor io,
               const Clock& clock,
               std::shared_ptr<spdlog::logger> log,
               std::string version,
               Count count)
    : Listener(next),
      io_(std::move(io)),
      clock_(clock),
      log_(std::move(log)),
      version_(std::move(version)),
      count_(std::move(count)),
      timer_(io_),
      ended_(io_) {}

SettingResult<bool> Tracer::set_url(const std::string& url) {
  if (url == url_) return true;
  std::shared_ptr<Target> target;
  if (!url.empty()) {
    auto parsed = UrlTemplate::parse(url, "tracing.otlp_url");
    if (!parsed) return parsed.error();
    HttpClient::Options options;
    options.tls = parsed->tls();
    auto client = HttpClient::create(io_, clock_, std::move(options));
    if (!client) return client.error();
    target = std::make_shared<Target>(Target{std::move(*parsed), std::move(*client)});
  }
  url_ = url;
  target_ = std::move(target);
  return true;
}

void Tracer::on(const Notice& notice) {
  const bool ended = notice.kind == Notice::Kind::run_ended;
  const bool tried =
      notice.kind == Notice::Kind::run_retrying || notice.kind == Notice::Kind::run_tracked;
  if (target_ && !stopping_ && (ended || tried)) {
    if (notice.report && notice.report->started_at) add(attempt_span(notice));
    if (ended) add(run_span(notice, clock_.now()));
  }
  next().on(notice);
}

void Tracer::add(std::string span) {
  if (waiting_.size() >= kWaitingMax) {
    count_(0, 1);
    return;
  }
  waiting_.push_back(std::move(span));
  if (waiting_.size() == kSpanBatch) timer_.cancel();
  wake();
}

void Tracer::wake() {
  if (working_) return;
  working_ = true;
  asio::co_spawn(io_, work(), asio::detached);
}

// Goes on while something waits.
asio::awaitable<void> Tracer::work() {
  milliseconds again = kAgainMin;
  milliseconds wait = kGather;
  while (target_ && !waiting_.empty() && !stopping_) {
    boost::system::error_code ignored;
    if (waiting_.size() < kSpanBatch || wait > kGather) {
      timer_.expires_after(wait);
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (!target_ || stopping_) break;
    const bool done = co_await send_batch(target_, clock_.steady() + kRequestTimeout);
    wait = done ? kGather : again + kGather;
    again = done ? kAgainMin : std::min(again * 2, kAgainMax);
  }
  if (!target_) waiting_.clear();
  working_ = false;
  ended_.cancel();
}

// False: it is worth another try later.
asio::awaitable<bool> Tracer::send_batch(std::shared_ptr<Target> target,
                                         steady_clock::time_point deadline) {
  const std::size_t count = std::min(waiting_.size(), kSpanBatch);
  HttpRequest request = target->url.request({});
  request.add_header("Content-Type", "application/json")
      .add_header("User-Agent", "rruled/" + version_);
  request.body = request_body(count);
  const HttpExchange exchange = co_await target->client->send(std::move(request), deadline);
  const auto* response = known_answer(exchange);
  if (response == nullptr || may_come_back(response->status)) {
    say_away(response != nullptr ? "it answers " + std::to_string(response->status)
                                 : std::get<HttpFailure>(exchange.result).message);
    co_return false;
  }
  const bool taken = response->status >= 200 && response->status < 300;
  if (!taken) say_away("it answers " + std::to_string(response->status) + ": spans are dropped");
  if (taken && away_) {
    away_ = false;
    log_->info("tracing: the collector takes spans again");
  }
  const auto gone = static_cast<std::ptrdiff_t>(std::min(count, waiting_.size()));
  waiting_.erase(waiting_.begin(), waiting_.begin() + gone);
  taken ? count_(count, 0) : count_(0, count);
  co_return true;
}

void Tracer::say_away(const std::string& why) {
  if (!away_)
    log_->warn("tracing: the collector at {} does not take spans: {}; runs go on",
               without_query(url_), why);
  away_ = true;
}

std::string Tracer::request_body(std::size_t spans) const {
  Attributes resource;
  resource.add("service.name", "rruled").add("service.version", version_);
  std::string body = R"({"resourceSpans":[{"resource":{"attributes":)" +
                     json::serialize(resource.take()) +
                     R"(},"scopeSpans":[{"scope":{"name":"rruled"},"spans":[)";
  for (std::size_t i = 0; i < spans; ++i) body.append(i == 0 ? "" : ",").append(waiting_[i]);
  return body + "]}]}]}";
}

asio::awaitable<void> Tracer::stop(milliseconds grace) {
  stopping_ = true;
  timer_.cancel();
  const auto deadline = clock_.steady() + grace;
  if (working_) {
    ended_.expires_after(grace);
    boost::system::error_code ignored;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  while (target_ && !working_ && !waiting_.empty() && clock_.steady() < deadline) {
    const bool done = co_await send_batch(target_, deadline);
    if (!done) break;
  }
  if (!waiting_.empty()) count_(0, waiting_.size());
}

}  // namespace rruled::io
