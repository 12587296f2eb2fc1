#pragma once

#include "daemon/api/api_application.h"
#include "daemon/api/routes.h"
#include "daemon/io/api_token.h"
#include "rrule/zone_database.h"
#include "store/memory_directory.h"
#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/api/scripted_wire.h"
#include "tests/unit/store/postgres_fixture.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rruled::test {

enum class StoreKind { memory, sqlite, postgres };

struct ApiAsk {
  std::string token{};  // empty: the one that may write
  api::Headers headers{};
  bool form = false;
  bool anonymous = false;
};

// The API without sockets, on a new store; tokens of project 1, and one of every kind of trouble.
class ApiHome {
 public:
  // `wrap`: what requests write to, around the store.
  using Wrap = std::function<std::shared_ptr<store::Store>(std::shared_ptr<store::Store>)>;
  explicit ApiHome(StoreKind kind, io::ApiAuth auth = io::ApiAuth::token, Wrap wrap = {})
      : dir_(fast_directory()),
        wrap_(std::move(wrap)),
        context_{rules(), {}, [] { return std::string("up 1\n"); }, api::api_routes(), "1.2.3"} {
    pool_.emplace(1, [&] { return open(kind); });
    application_.emplace(context_, *pool_, clock, quiet_log(),
                         api::ApiApplication::Options{.auth = auth});
    write = add_token(1, "hog_flow:read hog_flow:write");
    read = add_token(1, "hog_flow:read");
    other = add_token(2, "hog_flow:write");
    all = add_token(std::nullopt, "hog_flow:write");
    nothing = add_token(1, "");
    expired =
        add_token(1, "hog_flow:write", [&](store::Token& token) { token.expires_at = clock.at; });
    revoked =
        add_token(1, "hog_flow:write", [&](store::Token& token) { token.revoked_at = clock.at; });
  }

  void fail_health(const std::string& reason) {
    context_.health = [reason] { return std::vector<io::HealthCheck>{{"store", reason, true}}; };
  }

  void limit_pages(std::size_t bytes) { context_.page_bytes_max = bytes; }

  using Ask = ApiAsk;
  api::Response ask(const std::string& method,
                    const std::string& target,
                    const std::string& body = {},
                    const Ask& how = {}) {
    api::Request request;
    request.method = method;
    request.target = target;
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos) request.query = target.substr(question + 1);
    request.headers = how.headers;
    request.headers.push_back({"Host", "api.test"});
    if (!how.anonymous)
      request.headers.push_back(
          {"Authorization", "Bearer " + (how.token.empty() ? write : how.token)});
    if (!body.empty())
      request.headers.push_back(
          {"Content-Type", how.form ? "application/x-www-form-urlencoded" : "application/json"});
    request.body = body;
    request.request_id = "test";
    boost::asio::io_context io{1};
    std::optional<api::Response> response;
    boost::asio::co_spawn(io, application_->answer(std::move(request)),
                          [&](std::exception_ptr failure, api::Response given) {
                            if (failure) std::rethrow_exception(failure);
                            response = std::move(given);
                          });
    io.run();
    return std::move(*response);
  }
  // What is said of a request whose body is on its way; 0: it may come.
  int refused(const std::string& method, const std::string& path) {
    api::Request head;
    head.method = method;
    head.target = head.path = path;
    head.headers = {{"Host", "api.test"}, {"Authorization", "Bearer " + write}};
    boost::asio::io_context io{1};
    int status = 0;
    boost::asio::co_spawn(io, application_->refuse(head),
                          [&](std::exception_ptr, std::optional<api::Response> given) {
                            if (given) status = given->status;
                          });
    io.run();
    return status;
  }
  // Its body, after it had this status.
  boost::json::value json(int status,
                          const std::string& method,
                          const std::string& target,
                          const std::string& body = {},
                          const Ask& how = {}) {
    const auto response = ask(method, target, body, how);
    INFO(method << " " << target << " " << body << " -> " << response.status << " "
                << response.body);
    CHECK(response.status == status);
    if (response.status != status || response.body.empty()) return boost::json::object();
    return boost::json::parse(response.body);
  }
  std::string make_flow(const std::string& trigger = "schedule", const std::string& name = "f") {
    const std::string config = trigger == "batch"
                                   ? R"({"type":"batch","filters":{"properties":[]}})"
                                   : R"({"type":")" + trigger + R"("})";
    return text(json(201, "POST", kFlows,
                     R"({"name":")" + name + R"(","status":"active","trigger":)" + config + "}"),
                "id");
  }
  std::string make_schedule(const std::string& flow, const std::string& rule = "FREQ=HOURLY") {
    return text(json(201, "POST", kFlows + flow + "/schedules",
                     R"({"rrule":")" + rule + R"(","starts_at":"2026-01-01T00:00:00Z"})"),
                "id");
  }
  static std::string text(const boost::json::value& object, const char* key) {
    const auto* value = object.as_object().if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  }
  [[nodiscard]] api::Backend& backend() { return backend_; }
  // As when the daemon stops.
  void stop() { pool_->stop(); }
  [[nodiscard]] api::LongWork& long_work() { return pool_->long_work(); }

  static inline const std::string kProject = "/api/projects/1/";
  static inline const std::string kFlows = kProject + "hog_flows/";
  MovedClock clock;
  std::string write, read, other, all, nothing, expired, revoked;
  std::vector<std::string> executors{"default"};

 private:
  core::ScheduleRules rules() {
    return {zones_, std::chrono::seconds(1), [this](std::string_view name, std::int64_t) {
              return std::find(executors.begin(), executors.end(), name) != executors.end();
            }};
  }
  api::Backend open(StoreKind kind) {
    if (kind == StoreKind::memory)
      backend_.store = std::make_shared<store::MemoryStore>();
    else if (kind == StoreKind::postgres)
      backend_.store = schema_.emplace().open();
    else
      backend_.store = store::open_sqlite(dir_.file("api.db"), store::OpenMode::command);
    backend_.directory = backend_.store->directory();
    if (wrap_) backend_.store = wrap_(backend_.store);
    return backend_;
  }
  std::string add_token(std::optional<std::int64_t> project,
                        const std::string& scopes,
                        const std::function<void(store::Token&)>& change = {}) {
    const std::string text = io::new_api_token();
    store::Token token;
    token.id = store::TokenId{store::random_uuid_v7(clock.at)};
    token.project_id = project;
    token.hash = *io::api_token_hash(text);
    token.scopes = scopes;
    token.created_at = clock.at;
    if (change) change(token);
    store::AuditEntry entry;
    entry.at = clock.at;
    entry.actor = "test";
    backend_.directory->add_token(token, entry);
    return text;
  }

  TempDir dir_;
  const Wrap wrap_;
  std::optional<PostgresSchema> schema_;
  rrule::ZoneDatabase zones_;
  api::ApiContext context_;
  api::Backend backend_;  // the pool's one; used between requests
  std::optional<api::BackendPool> pool_;
  std::optional<api::ApiApplication> application_;
};

inline const std::string& kProject = ApiHome::kProject;
inline const std::string& kFlows = ApiHome::kFlows;

// Of an answer that refuses.
inline std::string detail(const boost::json::value& problem) {
  return ApiHome::text(problem, "detail");
}
inline std::string attr(const boost::json::value& problem) {
  return ApiHome::text(problem, "attr");
}

// Memory and SQLite; PostgreSQL alone where RRULED_API_STORE says so.
inline StoreKind either_store() {
  const char* wanted = std::getenv("RRULED_API_STORE");
  if (wanted != nullptr && std::string(wanted) == "postgres") return StoreKind::postgres;
  return GENERATE(StoreKind::memory, StoreKind::sqlite);
}

inline std::string header(const api::Response& response, std::string_view name) {
  const auto* value = api::find_header(response.headers, name);
  return value == nullptr ? "" : *value;
}

}  // namespace rruled::test
