#include "daemon/io/http_executor.h"

#include "daemon/core/remote_job.h"
#include "daemon/core/retry.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/http_remote_jobs.h"
#include "daemon/io/retry_after.h"
#include "daemon/io/text.h"
#include "daemon/io/trace_context.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using core::Report;

constexpr std::size_t kSnippetBytesMax = 200;
constexpr std::string_view kApiTarget = "/api/projects/{project_id}/hog_flows/{flow_id}/";

std::string status_advice(int status) {
  if (status >= 300 && status < 400 && status != 304)
    return " (redirects are not followed: set the final URL)";
  if (status == 401 || status == 403) return " (is the token right?)";
  return {};
}

Report::Kind kind_of(const HttpExchange& exchange, const HttpFailure& failure) {
  using enum HttpFailure::Stage;
  const bool unsent =
      failure.stage == shortage || (failure.stage == cancelled && !exchange.first_byte_at);
  return unsent ? Report::Kind::unsent : Report::Kind::retry;
}

bool nobody_answered(HttpFailure::Stage stage) {
  using enum HttpFailure::Stage;
  return stage != too_large && stage != garbage && stage != cancelled && stage != shortage;
}

Report::Kind kind_of(core::HttpVerdict verdict) {
  switch (verdict) {
    case core::HttpVerdict::completed:
      return Report::Kind::completed;
    case core::HttpVerdict::retry:
      return Report::Kind::retry;
    case core::HttpVerdict::failed:
      break;
  }
  return Report::Kind::failed;
}

// JSON that breaks off: without a length nobody else notices.
bool is_broken_object(std::string_view body) {
  const auto begin = body.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || body[begin] != '{') return false;
  boost::system::error_code error;
  (void)boost::json::parse(body, error);
  return error.failed();
}

std::string endpoint(const store::Run& run) {
  return run.kind == store::RunKind::batch_job ? "batch_jobs/" : "invocations/";
}

}  // namespace

SettingResult<std::unique_ptr<HttpExecutor>> HttpExecutor::create(asio::any_io_executor io,
                                                                  const Clock& clock,
                                                                  HttpExecutorOptions options) {
  if (options.base_url.empty() == options.url.empty())
    return SettingError{"base_url", "exactly one of base_url and url must be set"};
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  const bool api = !options.base_url.empty();
  if (options.base_url.find_first_of("{}?#") != std::string::npos)
    return SettingError{"base_url", "must be a plain prefix, without ?, # or {placeholders}"};
  auto url = api ? UrlTemplate::parse(options.base_url + std::string(kApiTarget), "base_url")
                 : UrlTemplate::parse(options.url, "url");
  if (!url) return url.error();
  auto client =
      HttpClient::create(io, clock,
                         {.tls = url->tls(),
                          .ca_file = options.ca_file,
                          .body_bytes_max = options.response_bytes_max,
                          .idle_per_host_max = options.connections_kept_max,
                          .idle_max = std::max<std::size_t>(256, options.connections_kept_max)});
  if (!client) return client.error();
  std::unique_ptr<RemoteJobs> remote_jobs;
  if (api && options.track_after) {
    HttpRemoteJobsOptions remote;
    if (options.token) remote.token.emplace(std::string(options.token->reveal()));
    remote.ca_file = options.ca_file;
    remote.timeout = options.timeout;
    auto jobs = HttpRemoteJobs::create(io, clock, *url, std::move(remote));
    if (!jobs) return jobs.error();
    remote_jobs = std::move(*jobs);
  }
  return std::unique_ptr<HttpExecutor>(new HttpExecutor(
      clock, std::move(*client), std::move(remote_jobs), std::move(*url), std::move(options)));
}

HttpExecutor::HttpExecutor(const Clock& clock,
                           std::unique_ptr<HttpClient> client,
                           std::unique_ptr<RemoteJobs> remote_jobs,
                           UrlTemplate url,
                           HttpExecutorOptions options)
    : clock_(clock),
      options_(std::move(options)),
      api_(!options_.base_url.empty()),
      url_(std::move(url)),
      client_(std::move(client)),
      remote_jobs_(std::move(remote_jobs)) {}

std::string HttpExecutor::payload(const store::Run& run) const {
  return api_ ? "{\"variables\":" + run.variables + "}" : run.body;
}

std::string HttpExecutor::destination(const store::Run& run) const {
  return "POST " + without_query(url_.url(run) + (api_ ? endpoint(run) : ""));
}

HttpRequest HttpExecutor::request(const store::Run& run) const {
  HttpRequest request = url_.request(run);
  if (api_) request.target += endpoint(run);
  request.body = payload(run);
  request.headers.reserve(512);
  request.add_header("Content-Type", "application/json")
      .add_header("Accept", "application/json")
      .add_header("User-Agent", "rruled/" RRULED_VERSION)
      .add_header("Idempotency-Key", core::idempotency_key(run.id))
      .add_header("X-Rruled-Run", store::to_string(run.id));
  if (run.schedule_id) request.add_header("X-Rruled-Schedule", store::to_string(*run.schedule_id));
  if (run.scheduled_for)
    request.add_header("X-Rruled-Scheduled-For", core::rfc3339(*run.scheduled_for));
  request.add_header("X-Rruled-Attempt", std::to_string(run.attempts))
      .add_header("X-Rruled-Origin", store::word(run.origin))
      .add_header("traceparent", traceparent(run));
  if (options_.token)
    request.add_header("Authorization", "Bearer " + std::string(options_.token->reveal()));
  return request;
}

// What others sent, fit to be shown: the token may have come back in it.
std::string HttpExecutor::snippet(std::string text) const {
  const std::string_view token = options_.token ? options_.token->reveal() : std::string_view();
  if (!token.empty())
    for (std::size_t at = 0; (at = text.find(token, at)) != std::string::npos;)
      text.replace(at, token.size(), "[token]");
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  return clean_line(text, kSnippetBytesMax);
}

// Its body is needed, not its status alone.
bool HttpExecutor::names_job(const store::Run& run, const HttpResponse& response) const {
  return remote_jobs_ && run.kind == store::RunKind::batch_job &&
         core::classify_http(response.status) == core::HttpVerdict::completed;
}

// What the answer to an accepted batch job says. One without an id ends with that answer.
void HttpExecutor::read_job(std::string_view body, Report& report) const {
  if (is_broken_object(body)) {
    report.kind = Report::Kind::retry;
    report.error = "the batch job was accepted, but the answer that names it is not whole";
    return;
  }
  const auto job = core::read_remote_job(body);
  if (!job || job->state == core::RemoteState::completed) return;
  if (job->state == core::RemoteState::live) {
    report.remote_id = job->id;
    report.ask_after = *options_.track_after;
    return;
  }
  report.kind = Report::Kind::failed;
  report.error = "the other side has ended batch job " + job->id + " at once";
  if (const std::string said = snippet(job->error); !said.empty()) report.error += ": " + said;
}

Report HttpExecutor::judge(const store::Run& run, HttpResponse response) const {
  Report report;
  report.status_code = response.status;
  report.kind = kind_of(core::classify_http(response.status));
  report.unreachable = response.status == 502 || response.status == 503 || response.status == 504;
  if (report.kind == Report::Kind::completed) {
    if (names_job(run, response)) read_job(response.body, report);
    return report;
  }
  report.retry_after = parse_retry_after(response.retry_after, clock_.now());
  report.error = "HTTP " + std::to_string(response.status);
  if (!response.reason.empty()) report.error += " " + response.reason;
  report.error += status_advice(response.status);
  if (const std::string said = snippet(std::move(response.body)); !said.empty())
    report.error += ": " + said;
  return report;
}

asio::awaitable<Report> HttpExecutor::deliver(store::Run run, SendPermit permit) {
  const auto timeout = run.timeout.value_or(options_.timeout);
  HttpRequest request = this->request(run);
  request.permit = std::move(permit);
  HttpExchange exchange = co_await client_->send(std::move(request), clock_.steady() + timeout);
  Report report;
  if (auto* response = std::get_if<HttpResponse>(&exchange.result)) {
    report = judge(run, std::move(*response));
  } else if (auto& failure = std::get<HttpFailure>(exchange.result);
             failure.broken_answer && !names_job(run, *failure.broken_answer)) {
    report = judge(run, std::move(*failure.broken_answer));
  } else {
    report.kind = kind_of(exchange, failure);
    report.unreachable = !failure.broken_answer && nobody_answered(failure.stage);
    report.error = failure.message;
    if (failure.stage == HttpFailure::Stage::timeout)
      report.error += " (limit " + duration_text(timeout) + ")";
  }
  report.started_at = exchange.first_byte_at;
  report.finished_at = clock_.now();
  co_return report;
}

}  // namespace rruled::io
