#pragma once

#include "daemon/api/backend.h"
#include "daemon/api/call.h"
#include "daemon/api/limits.h"
#include "daemon/io/clock.h"
#include "daemon/io/config.h"
#include "store/open.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rruled::api {

struct ApiOptions {
  std::string listen = "127.0.0.1:8480";  // parse_listen_address()
  io::ApiAuth auth = io::ApiAuth::token;
  std::filesystem::path tls_certificate{};  // both or none; PEM
  std::filesystem::path tls_key{};
  std::size_t threads = 2;  // that may block, each with a store of its own
  ServerLimits limits{};
  std::string version{};       // of the program, for its description
  std::vector<int> sockets{};  // that listen already; then `listen` does not matter
  std::function<std::chrono::seconds()> min_interval{};  // see ApiContext
};

// The HTTP API in the daemon's process. Io thread only.
//
//   ApiService api(io.get_executor(), options, open_backend, rules, clock, log, health);
//   api.start();
//   ..
//   co_await api.stop(10s);       // before the stores' threads end and the io_context stops
class ApiService {
 public:
  // `health` and `metrics` (for Prometheus; none: there are none) are asked on the io thread.
  // References, and what the functions use, must outlive the service. What `rules` refers to is
  // used from other threads.
  ApiService(boost::asio::any_io_executor io,
             ApiOptions options,
             BackendOpener open,
             core::ScheduleRules rules,
             const io::Clock& clock,
             std::shared_ptr<spdlog::logger> log,
             std::function<std::vector<io::HealthCheck>()> health,
             std::function<std::string()> metrics = {});
  ApiService(const ApiService&) = delete;
  ApiService& operator=(const ApiService&) = delete;
  ~ApiService();

  // Opens the stores and listens. Throws std::runtime_error (StoreError is one) with what to do
  // next; gives the address, with the port that was found.
  std::string start();
  // Reads a certificate, the same again or another, if there is one. Throws, and keeps the old one.
  void reload_tls(const std::filesystem::path& certificate, const std::filesystem::path& key);
  // Requests under way get their answer within `grace`. Waits for what is with a store.
  [[nodiscard]] boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

 private:
  struct Running;

  boost::asio::any_io_executor io_;
  const ApiOptions options_;
  const BackendOpener open_;
  const io::Clock& clock_;
  const std::shared_ptr<spdlog::logger> log_;
  const ApiContext context_;
  std::unique_ptr<Running> running_;
};

// The store opened in command mode, beside a daemon's. Throws StoreError.
[[nodiscard]] Backend open_backend(const store::StoreLocation& location);

}  // namespace rruled::api
