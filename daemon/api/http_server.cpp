#include "daemon/api/http_server.h"

#include "daemon/api/socket_wire.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <set>
#include <stdexcept>
#include <utility>

namespace rruled::api {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;
using Local = asio::local::stream_protocol;

// How long accepting rests when the process has no descriptor left.
constexpr std::chrono::milliseconds kPause{100};

constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"
    "Cache-Control: no-store\r\nContent-Length: 106\r\nConnection: close\r\n\r\n"
    R"({"type":"server_error","code":"unavailable",)"
    R"("detail":"Too many connections; try again later.","attr":null})";

[[noreturn]] void refuse_address(const std::string& address, const error_code& error) {
  std::string hint = "choose another in [api] listen";
  if (error == asio::error::address_in_use)
    hint = "another program listens there: stop it, or choose another in [api] listen";
  if (error == asio::error::access_denied)
    hint = "this user may not listen there: choose another in [api] listen";
  throw std::runtime_error("cannot listen on " + address + ": " + error.message() + "; " + hint);
}

// A file left by a process that was killed. One that somebody listens on stays.
void remove_stale_socket(const asio::any_io_executor& io, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_socket(path, ignored)) return;
  Local::socket probe(io);
  error_code error;
  probe.connect(Local::endpoint(path), error);
  if (error == asio::error::connection_refused) std::filesystem::remove(path, ignored);
}

}  // namespace

// Lives as long as the last of its coroutines.
class HttpServer::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::any_io_executor io, SessionContext context)
      : io_(std::move(io)),
        context_(std::make_shared<SessionContext>(std::move(context))),
        turns_(std::make_shared<HandshakeTurns>(io_)),
        drained_(io_) {}

  void use_tls(std::shared_ptr<TlsIdentity> identity) { tls_ = std::move(identity); }
  ListenAddress listen_tcp(tcp::endpoint endpoint);
  ListenAddress listen_unix(const UnixPath& path);
  ListenAddress adopt(int fd);
  awaitable<void> stop(std::chrono::milliseconds grace);
  void close_all();
  [[nodiscard]] std::size_t connections() const { return sessions_.size(); }

 private:
  // Named coroutines that keep the core alive by their first argument.
  template <class Protocol>
  static awaitable<void> accept(std::shared_ptr<Core> self,
                                std::shared_ptr<asio::basic_socket_acceptor<Protocol>> acceptor);
  // A session leaves however it ends: one that stayed would hold up the stop for ever.
  struct Stay {
    Core& core;
    const std::shared_ptr<Session>& session;
    ~Stay() {
      core.sessions_.erase(session);
      if (core.sessions_.empty()) core.drained_.cancel();
    }
  };
  static awaitable<void> serve(std::shared_ptr<Core> self, std::shared_ptr<Session> session);
  awaitable<bool> go_on_after(error_code error);
  template <class Protocol>
  ListenAddress adopt_as(const Protocol& protocol, int fd);

  void take(SocketWire::Socket socket);
  [[nodiscard]] bool make_room();
  void stop_listening();

  const asio::any_io_executor io_;
  const std::shared_ptr<SessionContext> context_;
  std::shared_ptr<TlsIdentity> tls_;
  std::vector<std::function<void()>> close_listeners_;
  std::set<std::shared_ptr<Session>> sessions_;
  const std::shared_ptr<HandshakeTurns> turns_;
  asio::steady_timer drained_;  // cancelled when the last session ends
};

ListenAddress HttpServer::Core::listen_tcp(tcp::endpoint endpoint) {
  auto acceptor = std::make_shared<tcp::acceptor>(io_);
  error_code error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.protocol() == tcp::v6())
    acceptor->set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) refuse_address(to_string(ListenAddress(endpoint)), error);
  const ListenAddress bound = acceptor->local_endpoint();
  close_listeners_.emplace_back([acceptor] {
    error_code ignored;
    acceptor->close(ignored);
  });
  asio::co_spawn(io_, accept<tcp>(shared_from_this(), acceptor), asio::detached);
  return bound;
}

ListenAddress HttpServer::Core::listen_unix(const UnixPath& path) {
  remove_stale_socket(io_, path.path);
  auto acceptor = std::make_shared<Local::acceptor>(io_);
  error_code error;
  acceptor->open(Local(), error);
  if (!error) acceptor->bind(Local::endpoint(path.path), error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) refuse_address(to_string(ListenAddress(path)), error);
  close_listeners_.emplace_back([acceptor, file = path.path] {
    error_code ignored;
    acceptor->close(ignored);
    std::error_code not_there;
    std::filesystem::remove(file, not_there);
  });
  asio::co_spawn(io_, accept<Local>(shared_from_this(), acceptor), asio::detached);
  return path;
}

template <class Protocol>
ListenAddress HttpServer::Core::adopt_as(const Protocol& protocol, int fd) {
  auto acceptor = std::make_shared<asio::basic_socket_acceptor<Protocol>>(io_, protocol, fd);
  acceptor->non_blocking(true);
  close_listeners_.emplace_back([acceptor] {
    error_code ignored;
    acceptor->close(ignored);
  });
  const auto endpoint = acceptor->local_endpoint();
  asio::co_spawn(io_, accept<Protocol>(shared_from_this(), acceptor), asio::detached);
  if constexpr (std::is_same_v<Protocol, tcp>)
    return endpoint;
  else
    return UnixPath{endpoint.path()};
}

ListenAddress HttpServer::Core::adopt(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  int listens = 0;
  socklen_t listens_size = sizeof listens;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 || listens == 0)
    throw std::runtime_error("descriptor " + std::to_string(fd) +
                             " of the service manager is no socket that listens: set ListenStream="
                             " and Accept=no in its socket unit");
  if (address.ss_family == AF_UNIX) return adopt_as(Local(), fd);
  if (address.ss_family == AF_INET) return adopt_as(tcp::v4(), fd);
  if (address.ss_family == AF_INET6) return adopt_as(tcp::v6(), fd);
  throw std::runtime_error("descriptor " + std::to_string(fd) +
                           " of the service manager is neither TCP nor a Unix-domain socket");
}

template <class Protocol>
awaitable<void> HttpServer::Core::accept(
    std::shared_ptr<Core> self, std::shared_ptr<asio::basic_socket_acceptor<Protocol>> acceptor) {
  while (acceptor->is_open()) {
    typename Protocol::socket socket(self->io_);
    error_code error;
    co_await acceptor->async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      if constexpr (std::is_same_v<Protocol, tcp>) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
      }
      self->take(SocketWire::Socket(std::move(socket)));
      continue;
    }
    const bool more = co_await self->go_on_after(error);
    if (!more) co_return;
  }
}

awaitable<bool> HttpServer::Core::go_on_after(error_code error) {
  if (context_->stopping || error == asio::error::operation_aborted) co_return false;
  if (error == asio::error::connection_aborted) co_return true;
  context_->log->warn("api: cannot accept a connection: {}", error.message());
  asio::steady_timer pause(io_, kPause);
  error_code ignored;
  co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return !context_->stopping;
}

void HttpServer::Core::take(SocketWire::Socket socket) {
  if (context_->stopping) return;
  if (sessions_.size() >= context_->limits.connections_max && !make_room()) {
    // Whether it arrives does not matter; waiting for that would.
    error_code ignored;
    socket.non_blocking(true, ignored);
    if (!tls_) socket.send(asio::const_buffer(kFull.data(), kFull.size()), 0, ignored);
    return;
  }
  auto tls = tls_ ? tls_->context() : nullptr;
  auto wire = std::make_unique<SocketWire>(std::move(socket), std::move(tls), turns_);
  auto session = std::make_shared<Session>(context_, std::move(wire));
  sessions_.insert(session);
  asio::co_spawn(io_, serve(shared_from_this(), std::move(session)), asio::detached);
}

// Who has waited longest without a whole request gives way, then who takes longest to take its
// answer: sockets that ask nothing, or read nothing, must not keep out those that do.
bool HttpServer::Core::make_room() {
  const auto& line = context_->waiting.empty() ? context_->writing : context_->waiting;
  if (line.empty()) return false;
  Session* const idle = line.front();
  idle->close();
  std::erase_if(sessions_, [&](const auto& each) { return each.get() == idle; });
  return true;
}

awaitable<void> HttpServer::Core::serve(std::shared_ptr<Core> self,
                                        std::shared_ptr<Session> session) {
  const Stay stay{*self, session};
  try {
    co_await session->run();
  } catch (const std::exception& error) {
    self->context_->log->error("api: a connection failed: {}", error.what());
  } catch (...) {
    self->context_->log->error("api: a connection failed: it threw what is no exception");
  }
}

void HttpServer::Core::stop_listening() {
  context_->stopping = true;
  for (const auto& close : std::exchange(close_listeners_, {})) close();
}

awaitable<void> HttpServer::Core::stop(std::chrono::milliseconds grace) {
  stop_listening();
  while (!context_->waiting.empty()) context_->waiting.front()->close();
  const auto give_up = steady_clock::now() + grace;
  for (bool broken_off = false; !sessions_.empty();) {
    drained_.expires_at(broken_off ? steady_clock::time_point::max() : give_up);
    error_code ignored;
    co_await drained_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (broken_off || sessions_.empty() || steady_clock::now() < give_up) continue;
    broken_off = true;
    for (const auto& each : sessions_) each->close();
  }
}

void HttpServer::Core::close_all() {
  stop_listening();
  for (const auto& each : sessions_) each->close();
}

HttpServer::HttpServer(asio::any_io_executor io,
                       Application& application,
                       const io::Clock& clock,
                       std::shared_ptr<spdlog::logger> log,
                       ServerLimits limits)
    : core_(std::make_shared<Core>(std::move(io),
                                   SessionContext{limits, application, clock, std::move(log)})) {}

HttpServer::~HttpServer() { core_->close_all(); }

void HttpServer::use_tls(std::shared_ptr<TlsIdentity> identity) {
  core_->use_tls(std::move(identity));
}

ListenAddress HttpServer::listen(const ListenAddress& address) {
  if (const auto* path = std::get_if<UnixPath>(&address)) return core_->listen_unix(*path);
  return core_->listen_tcp(std::get<tcp::endpoint>(address));
}

ListenAddress HttpServer::adopt(int fd) { return core_->adopt(fd); }

awaitable<void> HttpServer::stop(std::chrono::milliseconds grace) { return core_->stop(grace); }

std::size_t HttpServer::connections() const { return core_->connections(); }

}  // namespace rruled::api
