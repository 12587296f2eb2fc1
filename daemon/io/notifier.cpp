#include "daemon/io/notifier.h"

#include "daemon/core/json_text.h"

#include <boost/algorithm/hex.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;

HttpRequest request_to(const UrlTemplate& url, const store::Run& run) {
  HttpRequest request = url.request(run);
  request.add_header("User-Agent", "rruled/" RRULED_VERSION);
  return request;
}

// Before the query: https://hc-ping.com/UUID/fail?rid=..
std::string with_fail(const std::string& target) {
  const auto query = std::min(target.find('?'), target.size());
  return target.substr(0, query) + (target[query - 1] == '/' ? "fail" : "/fail") +
         target.substr(query);
}

// What is told of one schedule stays in order, so that its last word is the last that arrives; one
// that cannot be sent keeps no other schedule's waiting.
std::string lane_of(const core::Notice& notice) {
  if (notice.run && notice.run->schedule_id) return store::to_string(*notice.run->schedule_id);
  if (notice.run) return store::to_string(notice.run->flow_id);
  if (notice.gap) return store::to_string(notice.gap->schedule_id);
  return notice.schedule_id ? store::to_string(*notice.schedule_id) : std::string();
}

}  // namespace

std::string signature(std::string_view key, store::Timestamp now, std::string_view body) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::string text = std::to_string(seconds) + ".";
  text += body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  std::string hex;
  boost::algorithm::hex_lower(digest.data(), digest.data() + size, std::back_inserter(hex));
  return "t=" + std::to_string(seconds) + ",v1=" + hex;
}

Notifier::Notifier(asio::any_io_executor io,
                   const Clock& clock,
                   Observer& next,
                   std::shared_ptr<spdlog::logger> log,
                   Count count)
    : Listener(next),
      io_(std::move(io)),
      clock_(clock),
      log_(std::move(log)),
      count_(std::move(count)) {}

void Notifier::tell(OutboundQueue::Result result, const char* what, const std::string& why) {
  switch (result) {
    case OutboundQueue::Result::sent:
      count_("sent");
      return;
    case OutboundQueue::Result::failed:
      count_("failed");
      log_->warn("{}: given up: {}", what, why);
      return;
    case OutboundQueue::Result::dropped:
      count_("dropped");
      if (!why.empty()) log_->warn("{}: {}: the oldest are dropped", what, why);
      return;
    case OutboundQueue::Result::room_again:
      log_->warn("{}: no more are dropped; {} were", what, why);
      return;
  }
}

SettingResult<std::optional<Notifier::Target>> Notifier::make_target(
    const std::string& url, const char* setting, OutboundQueue::Complete complete) {
  if (url.empty()) return std::optional<Target>();
  auto parsed = UrlTemplate::parse(url, setting);
  if (!parsed) return parsed.error();
  auto client = HttpClient::create(io_, clock_, {.tls = parsed->tls()});
  if (!client) return client.error();
  auto queue = std::make_unique<OutboundQueue>(
      io_, clock_, std::move(*client), OutboundQueue::Limits{},
      [this, setting](OutboundQueue::Result result, const std::string& why) {
        tell(result, setting, why);
      },
      std::move(complete));
  return std::optional<Target>(Target{std::move(*parsed), std::move(queue)});
}

std::optional<SettingError> Notifier::configure(const Config::Notify& config) {
  // At each attempt, as a receiver refuses what was signed long ago.
  auto webhook = make_target(config.url, "notify.url", [this](HttpRequest& request) {
    if (key_)
      request.add_header("X-Rruled-Signature",
                         signature(key_->reveal(), clock_.now(), request.body));
  });
  if (!webhook) return webhook.error();
  auto pings = make_target(config.ping_url, "notify.ping_url", {});
  if (!pings) return pings.error();
  auto heartbeat = make_target(config.heartbeat_url, "notify.heartbeat_url", {});
  if (!heartbeat) return heartbeat.error();
  if (!config.key_file.empty()) {
    auto key = Secret::read_file(config.key_file, "notify.key_file");
    if (!key) return key.error();
    key_ = std::move(*key);
  }
  webhook_ = std::move(*webhook);
  pings_ = std::move(*pings);
  heartbeat_ = std::move(*heartbeat);
  heartbeat_every_ = config.heartbeat_every;
  events_.clear();
  for (const std::string_view word : store::kWords<core::Event>)
    if (config.events.empty() || std::ranges::find(config.events, word) != config.events.end())
      events_.insert(*store::parse_word<core::Event>(word));
  return std::nullopt;
}

void Notifier::begin() {
  for (auto* target : {&webhook_, &pings_, &heartbeat_})
    if (*target) asio::co_spawn(io_, (*target)->queue->run(), asio::detached);
}

asio::awaitable<void> Notifier::finish(std::chrono::milliseconds grace) {
  const auto end = clock_.steady() + grace;
  for (auto* target : {&webhook_, &pings_, &heartbeat_}) {
    if (!*target) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock_.steady());
    co_await (*target)->queue->finish(std::max(left, std::chrono::milliseconds(0)));
  }
}

void Notifier::on(const core::Notice& notice) {
  const auto event = webhook_ ? core::event_of(notice) : std::nullopt;
  if (event && events_.contains(*event)) {
    HttpRequest request = request_to(webhook_->url, notice.run.value_or(store::Run{}));
    const std::string id = store::to_string(store::random_uuid_v7(clock_.now()));
    auto body = core::event_json(*event, notice, clock_.now());
    body["id"] = id;  // signed with the rest: who sends it again cannot give it another one
    request.body = core::json_text(body);
    request.add_header("Content-Type", "application/json");
    request.add_header("X-Rruled-Event", store::word(*event));
    request.add_header("X-Rruled-Event-Id", id);
    webhook_->queue->put(std::move(request), lane_of(notice));
  }
  if (pings_ && notice.kind == core::Notice::Kind::run_ended) ping(notice);
  next().on(notice);
}

void Notifier::ping(const core::Notice& notice) {
  const store::Run& run = *notice.run;
  const bool completed = notice.status == store::RunStatus::completed;
  const bool failed =
      notice.status == store::RunStatus::failed || notice.status == store::RunStatus::dead;
  if (run.origin != store::RunOrigin::schedule || (!completed && !failed)) return;
  HttpRequest request = request_to(pings_->url, run);
  if (failed) request.target = with_fail(request.target);
  pings_->queue->put(std::move(request), lane_of(notice));
}

void Notifier::on_turn(const core::Planner::Load& load) {
  const auto now = clock_.steady();
  const bool due = !beat_at_ || now >= *beat_at_;
  // Beats do not pile up: one that is due while another waits to be tried again waits for its end.
  if (heartbeat_ && load.horizon_loaded && !load.store_away && due &&
      heartbeat_->queue->size() == 0) {
    beat_at_ = now + heartbeat_every_;
    heartbeat_->queue->put(request_to(heartbeat_->url, store::Run{}));
  }
  next().on_turn(load);
}

}  // namespace rruled::io
