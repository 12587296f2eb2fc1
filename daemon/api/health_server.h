#pragma once

#include "daemon/api/api_application.h"
#include "daemon/api/backend.h"
#include "daemon/api/call.h"
#include "daemon/api/http_server.h"
#include "daemon/io/companion.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace rruled::api {

// A listener for /livez, /readyz, /healthz and /metrics alone: without tokens, TLS or a store. Io
// thread only.
class HealthServer {
 public:
  // `listen` as api.listen; does not matter where there are `sockets` that listen already.
  HealthServer(const io::Surroundings& in, std::string listen, std::vector<int> sockets);
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;

  // Throws std::runtime_error with what to do next.
  void start();
  [[nodiscard]] boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

 private:
  const std::string listen_;
  const std::vector<int> sockets_;
  const std::shared_ptr<spdlog::logger> log_;
  const ApiContext context_;
  BackendPool none_;  // no route of this listener needs a store
  ApiApplication application_;
  HttpServer server_;
};

}  // namespace rruled::api
