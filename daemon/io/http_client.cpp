#include "daemon/io/http_client.h"

#include "daemon/io/cancellation.h"
#include "daemon/io/connect_outcome.h"
#include "daemon/io/http_connection.h"
#include "daemon/io/http_pool.h"
#include "daemon/io/http_reply.h"
#include "daemon/io/name_resolver.h"
#include "daemon/io/tls_files.h"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using std::chrono::steady_clock;
using Stage = HttpFailure::Stage;

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

// Of this machine, whatever the other side is: no connection can be made to anybody.
bool is_shortage(const error_code& error) {
  using namespace boost::system::errc;
  return error == too_many_files_open || error == too_many_files_open_in_system ||
         error == no_buffer_space || error == not_enough_memory;
}

std::string name_of(const HttpPeer& peer) {
  return bracketed(peer.host) + ":" + std::to_string(peer.port);
}

std::string serialized(const HttpRequest& request) {
  const bool usual_port = request.port == (request.tls ? 443 : 80);
  std::string text;
  text.reserve(256 + request.target.size() + request.headers.size() + request.body.size());
  text.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
  text += bracketed(request.host);
  if (!usual_port) text.append(":").append(std::to_string(request.port));
  text.append("\r\nContent-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  return text.append(request.headers).append("\r\n").append(request.body);
}

HttpFailure shortage(const HttpPeer& peer, const error_code& error) {
  const bool is_ours = error == boost::system::errc::too_many_files_open;
  return {Stage::shortage, "no connection to " + name_of(peer) +
                               " can be made here: " + error.message() + " (" +
                               (is_ours ? "raise LimitNOFILE" : "give the machine more of it") +
                               ", or lower max_in_flight)"};
}

// One go at a request on one connection.
struct Turn {
  HttpExchange exchange;
  bool stale = false;  // the connection was closed before any byte of a response
};

Turn failed(Stage stage, std::string message) {
  return Turn{{HttpFailure{stage, std::move(message)}, std::nullopt}, false};
}

Turn broken(HttpReply& reply, Stage stage, std::string message) {
  return Turn{{HttpFailure{stage, std::move(message), reply.take_broken()}, std::nullopt}, false};
}

}  // namespace

class HttpClient::Impl {
 public:
  Impl(asio::any_io_executor io, const Clock& clock, Options options, asio::ssl::context tls)
      : io_(std::move(io)),
        clock_(clock),
        options_(std::move(options)),
        tls_(std::move(tls)),
        resolver_(io_),
        pool_(std::make_shared<HttpPool>(
            io_,
            clock_,
            HttpPool::Limits{options_.idle_per_host_max, options_.idle_max, options_.idle_for})) {}

  awaitable<HttpExchange> send(HttpRequest request, steady_clock::time_point deadline);
  void close_idle() { pool_->clear(); }

 private:
  struct Opened {
    std::shared_ptr<HttpConnection> connection;  // null: see `failure`
    HttpFailure failure;
  };

  awaitable<Opened> open(HttpPeer peer, steady_clock::time_point deadline);
  awaitable<Opened> secure(std::shared_ptr<HttpConnection> connection,
                           HttpPeer peer,
                           steady_clock::time_point deadline);
  awaitable<Turn> exchange(std::shared_ptr<HttpConnection> connection,
                           HttpPeer peer,
                           std::string_view bytes,
                           const SendPermit& permit,
                           steady_clock::time_point deadline);
  awaitable<Turn> receive(std::shared_ptr<HttpConnection> connection, HttpPeer peer);

  // Constant after construction.
  const asio::any_io_executor io_;
  const Clock& clock_;
  const Options options_;

  // Io thread only.
  asio::ssl::context tls_;
  NameResolver resolver_;
  std::shared_ptr<HttpPool> pool_;
};

awaitable<HttpExchange> HttpClient::Impl::send(HttpRequest request,
                                               steady_clock::time_point deadline) {
  const HttpPeer peer{request.tls, request.host, request.port};
  const std::string bytes = serialized(request);
  std::optional<store::Timestamp> first_byte_at;
  if (auto kept = pool_->take(peer)) {
    Turn turn = co_await exchange(std::move(kept), peer, bytes, request.permit, deadline);
    if (!turn.stale) co_return std::move(turn.exchange);
    first_byte_at = turn.exchange.first_byte_at;
  }
  Opened opened = co_await open(peer, deadline);
  if (!opened.connection) co_return HttpExchange{std::move(opened.failure), first_byte_at};
  Turn turn =
      co_await exchange(std::move(opened.connection), peer, bytes, request.permit, deadline);
  if (first_byte_at) turn.exchange.first_byte_at = first_byte_at;
  co_return std::move(turn.exchange);
}

// Tries the addresses in turn.
awaitable<HttpClient::Impl::Opened> HttpClient::Impl::open(HttpPeer peer,
                                                           steady_clock::time_point deadline) {
  const NameResolver::Answer found = co_await resolver_.find(peer.host, peer.port, deadline);
  bool stop = co_await cancelled();
  if (stop) co_return Opened{nullptr, {Stage::cancelled, "broken off"}};
  if (found.addresses.empty()) {
    if (found.error == asio::error::operation_aborted)
      co_return Opened{nullptr, {Stage::timeout, "timed out while looking up " + peer.host}};
    if (is_shortage(found.error)) co_return Opened{nullptr, shortage(peer, found.error)};
    const std::string why = found.error ? found.error.message() : "it has no address";
    co_return Opened{nullptr, {Stage::resolve, "cannot find host " + peer.host + ": " + why}};
  }

  auto connection = std::make_shared<HttpConnection>(io_, peer.tls ? &tls_ : nullptr);
  ConnectOutcome outcome;
  for (std::size_t i = 0; i < found.addresses.size(); ++i) {
    const auto now = steady_clock::now();
    connection->close_at(now + connect_share(deadline - now, found.addresses.size() - i));
    const error_code error = co_await connection->connect(found.addresses[i]);
    stop = co_await cancelled();
    if (stop) co_return Opened{nullptr, {Stage::cancelled, "broken off"}};
    if (!error) co_return co_await secure(std::move(connection), peer, deadline);
    outcome.add(error, connection->timed_out());
  }
  if (outcome.timed_out)
    co_return Opened{nullptr, {Stage::timeout, "timed out while connecting to " + name_of(peer)}};
  if (is_shortage(outcome.error)) co_return Opened{nullptr, shortage(peer, outcome.error)};
  co_return Opened{
      nullptr,
      {Stage::connect, "cannot connect to " + name_of(peer) + ": " + outcome.error.message()}};
}

awaitable<HttpClient::Impl::Opened> HttpClient::Impl::secure(
    std::shared_ptr<HttpConnection> connection, HttpPeer peer, steady_clock::time_point deadline) {
  if (!peer.tls) co_return Opened{std::move(connection), {}};
  connection->close_at(deadline);
  const error_code error = co_await connection->handshake(peer.host);
  const bool stop = co_await cancelled();
  if (stop) co_return Opened{nullptr, {Stage::cancelled, "broken off"}};
  if (!error) co_return Opened{std::move(connection), {}};
  if (connection->timed_out())
    co_return Opened{nullptr,
                     {Stage::timeout, "timed out in the TLS handshake with " + name_of(peer)}};
  co_return Opened{
      nullptr,
      {Stage::tls, "no TLS with " + name_of(peer) + ": " + connection->tls_mistake(error)}};
}

awaitable<Turn> HttpClient::Impl::exchange(std::shared_ptr<HttpConnection> connection,
                                           HttpPeer peer,
                                           std::string_view bytes,
                                           const SendPermit& permit,
                                           steady_clock::time_point deadline) {
  if (!may_send(permit))
    co_return failed(Stage::cancelled, "the claim on the run was over before anything was sent");
  if (steady_clock::now() >= deadline)
    co_return failed(Stage::timeout, "timed out before sending to " + name_of(peer));
  connection->close_at(deadline);
  const store::Timestamp first_byte_at = clock_.now();
  const error_code error = co_await connection->write(bytes);
  const bool stop = co_await cancelled();
  Turn turn;
  if (stop)
    turn = failed(Stage::cancelled, "broken off while sending: the request may have arrived");
  else if (connection->timed_out())
    turn = failed(Stage::timeout, "timed out while sending to " + name_of(peer));
  else if (error)
    turn = failed(Stage::send, "sending to " + name_of(peer) + " failed: " + error.message());
  else
    turn = co_await receive(connection, peer);
  turn.stale = turn.stale || (error && !stop && !connection->timed_out());
  turn.exchange.first_byte_at = first_byte_at;
  co_return turn;
}

awaitable<Turn> HttpClient::Impl::receive(std::shared_ptr<HttpConnection> connection,
                                          HttpPeer peer) {
  HttpReply reply(options_.body_bytes_max);
  const std::span<char> buffer = connection->buffer();
  auto progress = HttpReply::Progress::needs_more;
  while (progress == HttpReply::Progress::needs_more) {
    const HttpConnection::Read read = co_await connection->read_some(buffer);
    const bool ended = read.error == asio::error::eof;
    if (!read.error) {
      progress = reply.put({buffer.data(), read.size});
    } else if (ended && reply.begun()) {
      progress = reply.put_end();
      if (progress == HttpReply::Progress::garbage)
        co_return broken(reply, Stage::receive,
                         name_of(peer) + " closed the connection in the middle of its answer");
    }
    if (progress != HttpReply::Progress::needs_more) break;
    const bool stop = co_await cancelled();
    if (stop)
      co_return broken(reply, Stage::cancelled,
                       "broken off while waiting for the answer: the request may have arrived");
    if (connection->timed_out())
      co_return broken(reply, Stage::timeout,
                       "timed out waiting for the answer of " + name_of(peer));
    if (!read.error) continue;
    Turn turn =
        broken(reply, Stage::receive,
               ended ? name_of(peer) + " closed the connection unanswered"
                     : "receiving from " + name_of(peer) + " failed: " + read.error.message());
    turn.stale = !reply.begun();
    co_return turn;
  }
  if (progress == HttpReply::Progress::too_large)
    co_return broken(reply, Stage::too_large,
                     "the header of the answer of " + name_of(peer) + " is over 16 KiB");
  if (progress == HttpReply::Progress::garbage)
    co_return broken(reply, Stage::garbage,
                     name_of(peer) + " did not answer in HTTP/1: " + std::string(reply.mistake()));
  if (reply.keep_alive()) pool_->keep(peer, std::move(connection));
  Turn turn;
  turn.exchange.result = reply.take();
  co_return turn;
}

SettingResult<std::unique_ptr<HttpClient>> HttpClient::create(asio::any_io_executor io,
                                                              const Clock& clock,
                                                              Options options) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  tls.set_verify_mode(asio::ssl::verify_peer);
  std::string wrong;
  if (!options.ca_file.empty()) {
    wrong = trust_file(tls, options.ca_file);
  } else if (options.tls) {
    error_code error;
    tls.set_default_verify_paths(error);
    if (error) wrong = "cannot read the system's certificates: " + error.message();
  }
  if (!wrong.empty()) return SettingError{"ca_file", std::move(wrong)};
  return std::unique_ptr<HttpClient>(new HttpClient(
      std::make_unique<Impl>(std::move(io), clock, std::move(options), std::move(tls))));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

awaitable<HttpExchange> HttpClient::send(HttpRequest request, steady_clock::time_point deadline) {
  return without_throwing(impl_->send(std::move(request), deadline));
}

void HttpClient::close_idle() { impl_->close_idle(); }

}  // namespace rruled::io
