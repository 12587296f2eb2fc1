#include "daemon/api/health_server.h"

#include "daemon/api/routes.h"

#include <stdexcept>
#include <utility>

namespace rruled::api {

HealthServer::HealthServer(const io::Surroundings& in, std::string listen, std::vector<int> sockets)
    : listen_(std::move(listen)),
      sockets_(std::move(sockets)),
      log_(in.log),
      context_{in.rules, in.health, in.metrics, health_routes(), RRULED_VERSION},
      none_(0, {}),
      application_(context_, none_, in.clock, in.log, {.auth = io::ApiAuth::token}),
      server_(in.io, application_, in.clock, in.log, {}) {}

void HealthServer::start() {
  std::string where;
  for (const int fd : sockets_) where += (where.empty() ? "" : ", ") + to_string(server_.adopt(fd));
  if (sockets_.empty()) {
    const auto address = parse_listen_address(listen_);
    if (!address)
      throw std::runtime_error("[health] listen = \"" + listen_ +
                               "\" is no address: write 127.0.0.1:9480,"
                               " [::1]:9480 or unix:/run/rruled/health.sock");
    try {
      where = to_string(server_.listen(*address));
    } catch (const std::runtime_error& error) {
      std::string text = error.what();
      if (const auto at = text.find("[api]"); at != std::string::npos)
        text.replace(at, 5, "[health]");
      throw std::runtime_error(text);
    }
  }
  log_->info("health: listening on {}", where);
}

boost::asio::awaitable<void> HealthServer::stop(std::chrono::milliseconds grace) {
  co_await server_.stop(grace);
}

}  // namespace rruled::api
