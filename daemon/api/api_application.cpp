#include "daemon/api/api_application.h"

#include "daemon/api/content.h"
#include "daemon/api/routes.h"
#include "daemon/io/api_token.h"
#include "store/errors.h"

#include <chrono>
#include <functional>
#include <utility>

namespace rruled::api {
namespace {

using boost::asio::awaitable;
using std::chrono::minutes;

// Finer than this nobody needs to know when a token was used last, and each time is a write.
constexpr minutes kLastUsedStep{5};

Grant grant_of(const store::Token& token) {
  Grant grant;
  grant.who = "token " + to_string(token.id);
  grant.project_id = token.project_id;
  if (token.scopes.find("hog_flow:read") != std::string::npos) grant.scope = Scope::read;
  if (token.scopes.find("hog_flow:write") != std::string::npos) grant.scope = Scope::write;
  return grant;
}

Response not_authenticated(std::string detail, std::string_view code = {}) {
  Response response = problem(401, std::move(detail), code);
  response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"rruled\""});
  return response;
}

bool may_have_body(std::string_view method) { return method == "POST" || method == "PATCH"; }

}  // namespace

ApiApplication::ApiApplication(const ApiContext& context,
                               BackendPool& backends,
                               const io::Clock& clock,
                               std::shared_ptr<spdlog::logger> log,
                               Options options)
    : context_(context),
      backends_(backends),
      clock_(clock),
      log_(std::move(log)),
      options_(options),
      router_(context.routes) {}

ApiApplication::Plan ApiApplication::plan(const Request& request) const {
  Plan plan;
  if (options_.auth == io::ApiAuth::none) plan.answer = refuse_foreign(request);
  if (plan.answer) return plan;
  if (request.target == "*") {
    plan.answer =
        Response{.status = 204, .headers = {{"Allow", "GET, HEAD, POST, PATCH, DELETE, OPTIONS"}}};
    return plan;
  }
  plan.match = router_.match(request.method, request.path);
  if (plan.match.allow.empty()) {
    plan.answer = not_found();
    return plan;
  }
  if (plan.match.route == nullptr) {
    plan.answer = request.method == "OPTIONS"
                      ? Response{.status = 204}
                      : problem(405, "Method \"" + request.method + "\" not allowed.");
    plan.answer->headers.push_back({"Allow", plan.match.allow});
    return plan;
  }
  for (const auto& [name, value] : plan.match.arguments) {
    if (name != "project_id") continue;
    plan.project = parse_project(value);
    if (!plan.project) plan.answer = not_found();
  }
  auto query = parse_form(request.query);
  if (!query && !plan.answer) plan.answer = problem(400, "The query is not %-encoded UTF-8.");
  if (query) plan.query = std::move(*query);
  if (!plan.answer) plan.answer = refuse_content(request, *plan.match.route);
  return plan;
}

std::optional<Response> ApiApplication::refuse_content(const Request& request,
                                                       const Route& route) const {
  // A probe asks whether this is well, and reads the status alone: a 406 would say that it is not.
  if (!is_health_route(route) && !accepts(request.header("Accept"), route.text.produces))
    return problem(406, "Answers are " + std::string(route.text.produces) + ".");
  if (may_have_body(request.method) && body_kind(request) == BodyKind::other)
    return problem(415,
                   "A body is application/json or application/x-www-form-urlencoded, in UTF-8,"
                   " without Content-Encoding.");
  return std::nullopt;
}

// A store that takes nothing can be read all the same.
void ApiApplication::note_use(store::Directory& directory,
                              store::TokenId token,
                              store::Timestamp now) const {
  try {
    directory.touch_token(token, now);
  } catch (const store::StoreError& error) {
    log_->debug("api: when a token was last used is not noted: {}", error.what());
  }
}

ApiApplication::Admission ApiApplication::authenticate(const Request& request,
                                                       Backend& backend) const {
  if (options_.auth == io::ApiAuth::none)
    return {Grant{"local", std::nullopt, Scope::write}, std::nullopt};
  const auto text = bearer_token(request);
  if (!text) return {{}, not_authenticated("Authentication credentials were not provided.")};
  const auto hash = io::api_token_hash(*text);
  const auto token = hash ? backend.directory->token_by_hash(*hash) : std::nullopt;
  const auto now = clock_.now();
  if (!token || !io::same_hash(token->hash, *hash) || token->revoked_at ||
      (token->expires_at && *token->expires_at <= now))
    return {{}, not_authenticated("Invalid API key.", "authentication_failed")};
  if (!token->last_used_at || now - *token->last_used_at >= kLastUsedStep)
    note_use(*backend.directory, token->id, now);
  return {grant_of(*token), std::nullopt};
}

ApiApplication::Admission ApiApplication::admit(const Request& request,
                                                const Plan& plan,
                                                Backend& backend) const {
  Admission admission = authenticate(request, backend);
  if (!admission.refusal)
    admission.refusal = refuse_grant(admission.grant, plan.match.route->scope, plan.project);
  return admission;
}

Response ApiApplication::call(const Request& request, const Plan& plan, Backend& backend) const {
  Admission admission = admit(request, plan, backend);
  if (admission.refusal) return std::move(*admission.refusal);
  return respond(request, plan, admission.grant, &backend);
}

Response ApiApplication::respond(const Request& request,
                                 const Plan& plan,
                                 const Grant& grant,
                                 Backend* backend) const {
  Call call{.context = context_,
            .request = request,
            .route = *plan.match.route,
            .arguments = plan.match.arguments,
            .query = plan.query,
            .grant = grant,
            .now = clock_.now(),
            .backend = backend};
  Response response = plan.match.route->handler(call);
  compress(response, request.header("Accept-Encoding"), options_.compress_bytes_min);
  return response;
}

// What a handler throws, as an answer.
Response ApiApplication::guarded(const Request& request,
                                 const std::function<Response()>& work) const {
  try {
    return work();
  } catch (const Refused& refused) {
    return refused.response;
  } catch (const store::StoreError& error) {
    log_->error("api: request {}: {}", request.request_id, error.what());
    switch (error.kind()) {
      case store::StoreError::Kind::invalid:
        return problem(400, "It holds text that cannot be stored.", "invalid_input");
      case store::StoreError::Kind::unavailable:
      case store::StoreError::Kind::locked:
      case store::StoreError::Kind::full:
      case store::StoreError::Kind::read_only:
        return unavailable("The store cannot be used now; try again later.");
      default:
        break;
    }
  } catch (const std::exception& error) {
    log_->error("api: request {}: {}", request.request_id, error.what());
  } catch (...) {
    log_->error("api: request {}: it threw what is no exception", request.request_id);
  }
  return problem(500,
                 "Something went wrong here; the log names request " + request.request_id + ".");
}

awaitable<std::optional<Response>> ApiApplication::refuse(const Request& head) {
  Plan plan = this->plan(head);
  if (plan.answer) co_return std::move(plan.answer);
  // What anybody may ask takes no body: waiting for one would give strangers the connections.
  if (plan.match.route->scope == Scope::open)
    co_return problem(413, "This takes no body: ask again without one.");
  auto work = [&](Backend& backend) {
    // A response that is not asked for means: go on.
    const Response response = guarded(head, [&] {
      auto admission = admit(head, plan, backend);
      return admission.refusal ? std::move(*admission.refusal) : Response{.status = 100};
    });
    return response;
  };
  Response response = co_await backends_.run(std::move(work));
  if (response.status == 100) co_return std::nullopt;
  co_return response;
}

awaitable<Response> ApiApplication::answer(Request request) {
  Plan plan = this->plan(request);
  if (plan.answer) co_return std::move(*plan.answer);
  if (plan.match.route->scope == Scope::open) {
    const std::function<Response()> open = [this, &request, &plan] {
      return respond(request, plan, Grant{}, nullptr);
    };
    co_return guarded(request, open);
  }
  // Both stay here until the thread is done with them: nothing cancels this wait.
  auto work = [this, &request, &plan](Backend& backend) {
    return guarded(request, [&] { return call(request, plan, backend); });
  };
  Response response = co_await backends_.run(std::move(work));
  co_return response;
}

}  // namespace rruled::api
