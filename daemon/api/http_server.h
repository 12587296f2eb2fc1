#pragma once

#include "daemon/api/limits.h"
#include "daemon/api/listen_address.h"
#include "daemon/api/session.h"
#include "daemon/api/tls_identity.h"
#include "daemon/io/clock.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace rruled::api {

// An HTTP/1.1 server. Io thread only; it never blocks that thread. Every collaborator must outlive
// the server and the io_context's last turn.
//
//   HttpServer server(io.get_executor(), application, clock, log, {});
//   server.listen(*parse_listen_address("127.0.0.1:8480"));
//   ..
//   co_await server.stop(10s);
class HttpServer {
 public:
  HttpServer(boost::asio::any_io_executor io,
             Application& application,
             const io::Clock& clock,
             std::shared_ptr<spdlog::logger> log,
             ServerLimits limits);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  // closes everything at once

  // For listeners that are opened after it. May be called again: reload().
  void use_tls(std::shared_ptr<TlsIdentity> identity);

  // Accepts from now on; gives the address with the port that was found. Throws std::runtime_error
  // with what to do next. A socket file that nobody listens on any more is replaced.
  ListenAddress listen(const ListenAddress& address);

  // The same on a socket that listens already, TCP or Unix-domain; takes it over. A Unix-domain
  // one's file is left where it is.
  ListenAddress adopt(int fd);

  // Accepts no more; requests under way get their answer, connections that wait are closed. Returns
  // when no connection is left; those left after `grace` are broken off.
  [[nodiscard]] boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

  [[nodiscard]] std::size_t connections() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace rruled::api
