#include "daemon/api/api_service.h"

#include "daemon/api/api_application.h"
#include "daemon/api/http_server.h"
#include "daemon/api/routes.h"

#include <stdexcept>
#include <utility>

namespace rruled::api {

// In order of construction; destroyed in reverse.
struct ApiService::Running {
  explicit Running(const ApiService& service)
      : backends(service.options_.threads, service.open_),
        application(service.context_,
                    backends,
                    service.clock_,
                    service.log_,
                    {.auth = service.options_.auth,
                     .compress_bytes_min = service.options_.limits.compress_bytes_min}),
        server(service.io_, application, service.clock_, service.log_, service.options_.limits) {}

  BackendPool backends;
  ApiApplication application;
  HttpServer server;
  std::shared_ptr<TlsIdentity> identity;
};

ApiService::ApiService(boost::asio::any_io_executor io,
                       ApiOptions options,
                       BackendOpener open,
                       core::ScheduleRules rules,
                       const io::Clock& clock,
                       std::shared_ptr<spdlog::logger> log,
                       std::function<std::vector<io::HealthCheck>()> health,
                       std::function<std::string()> metrics)
    : io_(std::move(io)),
      options_(std::move(options)),
      open_(std::move(open)),
      clock_(clock),
      log_(std::move(log)),
      context_{std::move(rules), std::move(health), std::move(metrics),
               api_routes(),     options_.version,  options_.min_interval} {}

ApiService::~ApiService() = default;

namespace {

void check_local(const io::ApiAuth auth, const ListenAddress& address) {
  if (auth == io::ApiAuth::none && !is_local(address))
    throw std::runtime_error("[api] auth = \"none\" is for loopback addresses, and listen is " +
                             to_string(address) +
                             ": set auth = \"token\" and make one by `rruled token create`");
}

}  // namespace

std::string ApiService::start() {
  const auto address = parse_listen_address(options_.listen);
  if (!address && options_.sockets.empty())
    throw std::runtime_error("[api] listen = \"" + options_.listen +
                             "\" is no address: write 127.0.0.1:8480,"
                             " [::1]:8480 or unix:/run/rruled/api.sock");
  if (options_.tls_certificate.empty() != options_.tls_key.empty())
    throw std::runtime_error("[api] tls needs both a certificate and its key");
  if (options_.sockets.empty()) check_local(options_.auth, *address);
  std::shared_ptr<TlsIdentity> identity;
  if (!options_.tls_certificate.empty())
    identity = std::make_shared<TlsIdentity>(options_.tls_certificate, options_.tls_key);
  running_ = std::make_unique<Running>(*this);
  running_->identity = identity;
  if (identity) running_->server.use_tls(identity);
  std::string where;
  if (options_.sockets.empty()) where = to_string(running_->server.listen(*address));
  for (const int fd : options_.sockets) {
    const auto taken = running_->server.adopt(fd);
    check_local(options_.auth, taken);
    where += (where.empty() ? "" : ", ") + to_string(taken);
  }
  log_->info("api: listening on {}{}{}", where, identity ? ", TLS" : "",
             options_.sockets.empty() ? "" : ", given by the service manager");
  return where;
}

void ApiService::reload_tls(const std::filesystem::path& certificate,
                            const std::filesystem::path& key) {
  if (!running_ || !running_->identity || certificate.empty()) return;
  running_->identity->reload(certificate, key);
  log_->info("api: read the certificate again");
}

boost::asio::awaitable<void> ApiService::stop(std::chrono::milliseconds grace) {
  if (!running_) co_return;
  running_->backends.stop();
  co_await running_->server.stop(grace);
}

Backend open_backend(const store::StoreLocation& location) {
  Backend backend;
  backend.store = store::open_store(location, store::OpenMode::command);
  backend.directory = backend.store->directory();
  return backend;
}

}  // namespace rruled::api
