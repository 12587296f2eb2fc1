#include "tests/support/loopback_receiver.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace rruled::test {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using Fault = ScriptedAnswer::Fault;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
using TlsStream = asio::ssl::stream<tcp::socket>;

// Closing is part of it: Asio takes the option back when a socket is only destroyed.
void close_by_reset(tcp::socket::lowest_layer_type& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

std::string bytes_of(const ScriptedAnswer& answer) {
  if (answer.raw) return *answer.raw;
  const auto status = http::int_to_status(static_cast<unsigned>(answer.status));
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " " +
                     std::string(http::obsolete_reason(status)) + "\r\n";
  for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
  if (answer.close) text += "Connection: close\r\n";
  return text + "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
}

ReceivedRequest received(const http::request<http::string_body>& message, int connection) {
  ReceivedRequest request;
  request.connection = connection;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.emplace_back(field.name_string(), field.value());
  request.body = message.body();
  return request;
}

}  // namespace

std::optional<std::string> ReceivedRequest::header(std::string_view name) const {
  for (const auto& [each, value] : headers)
    if (boost::beast::iequals(each, {name.data(), name.size()})) return value;
  return std::nullopt;
}

class LoopbackReceiver::Server {
 public:
  explicit Server(const std::optional<Identity>& identity) {
    if (identity) {
      tls_.emplace(asio::ssl::context::tls_server);
      tls_->use_certificate_chain(asio::buffer(identity->certificate));
      tls_->use_private_key(asio::buffer(identity->key), asio::ssl::context::pem);
    }
    asio::co_spawn(io_, accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Server() {
    io_.stop();
    thread_.join();
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] bool tls() const { return tls_.has_value(); }

  void release() {
    asio::post(io_, [this] {
      released_ = true;
      gate_.cancel();
    });
  }
  void close_connections() {
    auto close_all = [this] {
      for (tcp::socket* socket : sockets_) {
        error_code ignored;
        socket->shutdown(tcp::socket::shutdown_both, ignored);
      }
    };
    asio::post(io_, asio::use_future(std::move(close_all))).get();
  }

  // Guarded by `mutex`.
  mutable std::mutex mutex;
  mutable std::condition_variable arrived;
  std::deque<ScriptedAnswer> answers;
  ScriptedAnswer usual_answer;
  std::vector<ReceivedRequest> requests;
  int connections = 0;
  std::function<void()> on_connection;
  std::function<void()> on_request;

 private:
  awaitable<void> accept() {
    while (true) {
      auto [error, socket] = co_await acceptor_.async_accept(kToken);
      if (error) continue;
      if (tls_)
        asio::co_spawn(io_, serve_tls(TlsStream(std::move(socket), *tls_), accepted()),
                       asio::detached);
      else
        asio::co_spawn(io_, serve_plain(std::move(socket), accepted()), asio::detached);
    }
  }

  int accepted() {
    const std::lock_guard lock(mutex);
    if (on_connection) on_connection();
    return ++connections;
  }

  // The next answer, if it has this fault.
  bool takes(Fault fault) {
    const std::lock_guard lock(mutex);
    const ScriptedAnswer& next = answers.empty() ? usual_answer : answers.front();
    if (next.fault != fault) return false;
    if (!answers.empty()) answers.pop_front();
    return true;
  }

  ScriptedAnswer take_answer() {
    const std::lock_guard lock(mutex);
    if (answers.empty()) return usual_answer;
    ScriptedAnswer answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }

  void remember(ReceivedRequest request) {
    const std::lock_guard lock(mutex);
    requests.push_back(std::move(request));
    arrived.notify_all();
    if (on_request) on_request();
  }

  awaitable<void> serve_plain(tcp::socket socket, int connection) {
    if (takes(Fault::drop_unread)) {
      co_await socket.async_wait(tcp::socket::wait_read, kToken);
      close_by_reset(socket);
      co_return;
    }
    sockets_.insert(&socket);
    co_await serve(socket, connection);
    sockets_.erase(&socket);
  }

  awaitable<void> serve_tls(TlsStream stream, int connection) {
    if (takes(Fault::hang)) co_return co_await outlast(stream.next_layer());
    sockets_.insert(&stream.next_layer());
    auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kToken);
    if (!error) co_await serve(stream, connection);
    sockets_.erase(&stream.next_layer());
  }

  template <class Stream>
  awaitable<void> serve(Stream& stream, int connection) {
    boost::beast::flat_buffer buffer;
    for (bool more = true; more;) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(std::uint64_t{64} * 1024 * 1024);
      error_code error;
      co_await http::async_read(stream, buffer, parser,
                                asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      remember(received(parser.get(), connection));
      more = co_await reply(stream, take_answer());
    }
  }

  // Whether the connection goes on.
  template <class Stream>
  awaitable<bool> reply(Stream& stream, ScriptedAnswer answer) {
    if (answer.fault == Fault::drop_unanswered) co_return false;
    if (answer.fault == Fault::hang) {
      co_await outlast(stream);
      co_return false;
    }
    if (answer.held && !released_) co_await gate_.async_wait(kToken);
    const std::string bytes = bytes_of(answer);
    auto [error, size] = co_await asio::async_write(stream, asio::buffer(bytes), kToken);
    if (answer.reset) close_by_reset(stream.lowest_layer());
    co_return !error && !answer.close && !answer.reset;
  }

  // Reads and forgets until the peer has gone.
  template <class Stream>
  awaitable<void> outlast(Stream& stream) {
    std::array<char, 4096> buffer{};
    for (bool gone = false; !gone;) {
      auto [error, size] = co_await stream.async_read_some(asio::buffer(buffer), kToken);
      gone = static_cast<bool>(error);
    }
  }

  asio::io_context io_{1};
  std::optional<asio::ssl::context> tls_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};

  // The server's thread only.
  asio::steady_timer gate_{io_, std::chrono::steady_clock::time_point::max()};
  bool released_ = false;
  std::set<tcp::socket*> sockets_;

  std::thread thread_;
};

LoopbackReceiver::LoopbackReceiver(std::optional<Identity> identity)
    : server_(std::make_unique<Server>(identity)) {}

LoopbackReceiver::~LoopbackReceiver() = default;

std::uint16_t LoopbackReceiver::port() const { return server_->port(); }

std::string LoopbackReceiver::url(std::string_view target, std::string_view host) const {
  return (server_->tls() ? "https://" : "http://") + std::string(host) + ":" +
         std::to_string(port()) + std::string(target);
}

void LoopbackReceiver::answer(ScriptedAnswer answer) {
  const std::lock_guard lock(server_->mutex);
  server_->answers.push_back(std::move(answer));
}

void LoopbackReceiver::always_answer(ScriptedAnswer answer) {
  const std::lock_guard lock(server_->mutex);
  server_->usual_answer = std::move(answer);
}

void LoopbackReceiver::release() { server_->release(); }

void LoopbackReceiver::close_connections() { server_->close_connections(); }

void LoopbackReceiver::on_connection(std::function<void()> call) {
  const std::lock_guard lock(server_->mutex);
  server_->on_connection = std::move(call);
}

void LoopbackReceiver::on_request(std::function<void()> call) {
  const std::lock_guard lock(server_->mutex);
  server_->on_request = std::move(call);
}

std::vector<ReceivedRequest> LoopbackReceiver::requests() const {
  const std::lock_guard lock(server_->mutex);
  return server_->requests;
}

int LoopbackReceiver::connections() const {
  const std::lock_guard lock(server_->mutex);
  return server_->connections;
}

bool LoopbackReceiver::wait_for_requests(std::size_t count) const {
  std::unique_lock lock(server_->mutex);
  return server_->arrived.wait_for(lock, std::chrono::seconds(10),
                                   [&] { return server_->requests.size() >= count; });
}

}  // namespace rruled::test
