#include "daemon/io/http_remote_jobs.h"

#include <utility>
#include <variant>

namespace rruled::io {
namespace {

namespace asio = boost::asio;

// Newest first: a job that still runs is on one of the first pages, but for an old one of a flow
// that is run very often.
constexpr int kPagesMax = 20;
constexpr char kFirstPage[] = "?limit=100";
// Some servers give the whole list at once, whatever `limit` says.
constexpr std::size_t kBodyBytesMax = 8 << 20U;

std::string http_text(const HttpResponse& response) {
  std::string text = "HTTP " + std::to_string(response.status);
  if (!response.reason.empty()) text += " " + response.reason;
  return text;
}

bool is_good(int status) { return status >= 200 && status < 300; }

// Adds what the page has of `wanted`, and takes that out of it. Empty: the page was read; else why
// it was not.
std::string take_page(const HttpExchange& exchange,
                      std::set<std::string>& wanted,
                      RemoteJobs::Look& look,
                      std::string& next) {
  const auto* response = std::get_if<HttpResponse>(&exchange.result);
  if (response == nullptr) return std::get<HttpFailure>(exchange.result).message;
  if (!is_good(response->status)) return http_text(*response);
  if (response->body_cut) return "the list is longer than 8 MiB";
  auto page = core::read_remote_page(response->body);
  if (!page) return "what came is no list of batch jobs";
  next = std::move(page->next_query);
  for (auto& job : page->jobs)
    if (wanted.erase(job.id) > 0) look.jobs.push_back(std::move(job));
  return {};
}

}  // namespace

SettingResult<std::unique_ptr<HttpRemoteJobs>> HttpRemoteJobs::create(
    asio::any_io_executor io, const Clock& clock, UrlTemplate flow, HttpRemoteJobsOptions options) {
  auto client = HttpClient::create(
      std::move(io), clock,
      {.tls = flow.tls(), .ca_file = options.ca_file, .body_bytes_max = kBodyBytesMax});
  if (!client) return client.error();
  return std::unique_ptr<HttpRemoteJobs>(
      new HttpRemoteJobs(clock, std::move(*client), std::move(flow), std::move(options)));
}

HttpRemoteJobs::HttpRemoteJobs(const Clock& clock,
                               std::unique_ptr<HttpClient> client,
                               UrlTemplate flow,
                               HttpRemoteJobsOptions options)
    : clock_(clock),
      client_(std::move(client)),
      flow_(std::move(flow)),
      options_(std::move(options)) {}

HttpRequest HttpRemoteJobs::request(std::string method, std::string target) const {
  HttpRequest request = flow_.request(store::Run{});
  request.method = std::move(method);
  request.target = std::move(target);
  request.add_header("Accept", "application/json")
      .add_header("User-Agent", "rruled/" RRULED_VERSION);
  if (options_.token)
    request.add_header("Authorization", "Bearer " + std::string(options_.token->reveal()));
  return request;
}

asio::awaitable<RemoteJobs::Look> HttpRemoteJobs::look(store::Run run,
                                                       std::set<std::string> wanted) {
  Look look;
  const std::string list = flow_.target(run) + "batch_jobs/";
  std::string query = kFirstPage;
  for (int page = 0; page < kPagesMax && !wanted.empty() && !query.empty(); ++page) {
    HttpRequest request = this->request("GET", list + query);
    const HttpExchange exchange =
        co_await client_->send(std::move(request), clock_.steady() + options_.timeout);
    std::string next;
    look.error = take_page(exchange, wanted, look, next);
    if (!look.error.empty()) co_return look;
    query = next == query ? std::string() : std::move(next);
  }
  co_return look;
}

asio::awaitable<RemoteJobs::CancelAnswer> HttpRemoteJobs::cancel(store::Run run) {
  HttpRequest request =
      this->request("POST", flow_.target(run) + "batch_jobs/" + run.remote_id + "/cancel/");
  const HttpExchange exchange =
      co_await client_->send(std::move(request), clock_.steady() + options_.timeout);
  CancelAnswer answer;
  const auto* response = known_answer(exchange);
  if (response == nullptr) {
    answer.error = std::get<HttpFailure>(exchange.result).message;
    co_return answer;
  }
  if (is_good(response->status)) {
    answer.kind = CancelAnswer::Kind::accepted;
    answer.job = core::read_remote_job(response->body);
    co_return answer;
  }
  answer.error = http_text(*response);
  const int status = response->status;
  if (status == 404 || status == 405 || status == 410 || status == 501)
    answer.kind = CancelAnswer::Kind::refused;
  co_return answer;
}

}  // namespace rruled::io
