#pragma once

#include "daemon/api/backend.h"
#include "daemon/api/call.h"
#include "daemon/api/router.h"
#include "daemon/api/session.h"
#include "daemon/io/clock.h"
#include "daemon/io/config.h"

#include <spdlog/logger.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace rruled::api {

// Answers requests by the table of routes: who asks, may they, what is wanted; then the route's
// handler, on a thread that may block. Routes of scope open are answered on the io thread and touch
// no store, so that they answer while the store is away.
class ApiApplication final : public Application {
 public:
  struct Options {
    io::ApiAuth auth = io::ApiAuth::token;
    std::size_t compress_bytes_min = 1'024;
  };
  // Every reference must outlive it.
  ApiApplication(const ApiContext& context,
                 BackendPool& backends,
                 const io::Clock& clock,
                 std::shared_ptr<spdlog::logger> log,
                 Options options);

  [[nodiscard]] boost::asio::awaitable<std::optional<Response>> refuse(
      const Request& head) override;
  [[nodiscard]] boost::asio::awaitable<Response> answer(Request request) override;

 private:
  // What can be said of a request without a store.
  struct Plan {
    RouteMatch match;
    FormFields query;
    std::optional<std::int64_t> project;  // of the path; absent: the route has none
    std::optional<Response> answer;       // the answer already
  };
  [[nodiscard]] Plan plan(const Request& request) const;
  [[nodiscard]] std::optional<Response> refuse_content(const Request& request,
                                                       const Route& route) const;

  // On a thread of the pool.
  struct Admission {
    Grant grant;
    std::optional<Response> refusal;
  };
  [[nodiscard]] Admission admit(const Request& request, const Plan& plan, Backend& backend) const;
  void note_use(store::Directory& directory, store::TokenId token, store::Timestamp now) const;
  [[nodiscard]] Admission authenticate(const Request& request, Backend& backend) const;
  [[nodiscard]] Response call(const Request& request, const Plan& plan, Backend& backend) const;
  // On any thread; `backend`: null for routes of scope open.
  [[nodiscard]] Response respond(const Request& request,
                                 const Plan& plan,
                                 const Grant& grant,
                                 Backend* backend) const;
  [[nodiscard]] Response guarded(const Request& request,
                                 const std::function<Response()>& work) const;

  const ApiContext& context_;
  BackendPool& backends_;
  const io::Clock& clock_;
  const std::shared_ptr<spdlog::logger> log_;
  const Options options_;
  const Router router_;
};

}  // namespace rruled::api
