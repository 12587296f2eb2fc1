#include "daemon/api/api_companion.h"

#include "daemon/api/api_service.h"

#include <exception>
#include <utility>

namespace rruled::api {
namespace {

class ApiCompanion final : public io::Companion {
 public:
  explicit ApiCompanion(const io::Surroundings& in)
      : log_(in.log),
        service_(
            in.io,
            {.listen = in.config.api.listen,
             .auth = in.config.api.auth,
             .tls_certificate = in.config.api.tls_certificate,
             .tls_key = in.config.api.tls_key,
             .version = RRULED_VERSION},
            [location = in.config.store.location] { return open_backend(location); },
            in.rules,
            in.clock,
            in.log,
            [not_ready = in.not_ready] {
              std::string why = not_ready();
              const bool ready = why.empty();
              return Readiness{ready, std::move(why)};
            },
            in.metrics) {}

  void start() override { (void)service_.start(); }
  void reload() override {
    try {
      service_.reload_tls();
    } catch (const std::exception& error) {
      log_->error("the certificate stays as it was: {}", error.what());
    }
  }
  boost::asio::awaitable<void> stop(std::chrono::milliseconds grace) override {
    return service_.stop(grace);
  }

 private:
  std::shared_ptr<spdlog::logger> log_;
  ApiService service_;
};

}  // namespace

std::unique_ptr<io::Companion> make_api(const io::Surroundings& surroundings) {
  const io::Config& config = surroundings.config;
  if (config.api.listen.empty()) return nullptr;
  return std::make_unique<ApiCompanion>(surroundings);
}

}  // namespace rruled::api
