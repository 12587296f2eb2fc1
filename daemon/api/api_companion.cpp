#include "daemon/api/api_companion.h"

#include "daemon/api/api_service.h"
#include "daemon/api/health_server.h"

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace rruled::api {
namespace {

constexpr std::string_view kHealthSocket = "health";

std::vector<int> sockets_of(const io::Surroundings& in, bool health) {
  std::vector<int> fds;
  for (const auto& each : in.sockets)
    if ((each.name == kHealthSocket) == health) fds.push_back(each.fd);
  return fds;
}

bool wants_health(const io::Surroundings& in) {
  return !in.config.health.listen.empty() || !sockets_of(in, true).empty();
}

bool wants_api(const io::Surroundings& in) {
  return !in.config.api.listen.empty() || !sockets_of(in, false).empty();
}

class ApiCompanion final : public io::Companion {
 public:
  explicit ApiCompanion(const io::Surroundings& in) {
    if (wants_health(in)) health_.emplace(in, in.config.health.listen, sockets_of(in, true));
    if (!wants_api(in)) return;
    service_.emplace(
        in.io,
        ApiOptions{.listen = in.config.api.listen,
                   .auth = in.config.api.auth,
                   .tls_certificate = in.config.api.tls_certificate,
                   .tls_key = in.config.api.tls_key,
                   .version = RRULED_VERSION,
                   .sockets = sockets_of(in, false),
                   .min_interval = in.min_interval},
        [location = in.config.store.location] { return open_backend(location); }, in.rules,
        in.clock, in.log, in.health,
        wants_health(in) ? std::function<std::string()>() : in.metrics);
  }

  void start() override {
    if (health_) health_->start();
    if (service_) (void)service_->start();
  }
  void reload(const io::Config& config) override {
    if (!service_) return;
    try {
      service_->reload_tls(config.api.tls_certificate, config.api.tls_key);
    } catch (const std::exception& error) {
      throw std::runtime_error("the certificate stays as it was: " + std::string(error.what()));
    }
  }
  boost::asio::awaitable<void> stop(std::chrono::milliseconds grace) override {
    if (service_) co_await service_->stop(grace);
    if (health_) co_await health_->stop(grace);  // the last to go: it says "stopping"
  }

 private:
  std::optional<HealthServer> health_;
  std::optional<ApiService> service_;
};

}  // namespace

std::unique_ptr<io::Companion> make_api(const io::Surroundings& surroundings) {
  if (!wants_api(surroundings) && !wants_health(surroundings)) return nullptr;
  return std::make_unique<ApiCompanion>(surroundings);
}

}  // namespace rruled::api
