#include "daemon/io/http_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;

// Whom the certificate must name; also sent as SNI, which holds names only (RFC 6066, 3).
bool expect_host(SSL* ssl, const std::string& host) {
  error_code no_address;
  asio::ip::make_address(host, no_address);
  if (!no_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  char* const name = const_cast<char*>(host.c_str());  // it is copied
  return SSL_set1_host(ssl, name) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1;
}

}  // namespace

HttpConnection::HttpConnection(const asio::any_io_executor& io, asio::ssl::context* tls)
    : socket_(io), timer_(io) {
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

void HttpConnection::close_at(std::chrono::steady_clock::time_point deadline) {
  timed_out_ = false;
  deadline_ = deadline;
  if (waits_until_ && *waits_until_ <= deadline) return;
  waits_until_ = deadline;
  timer_.expires_at(deadline);
  auto close = [self = weak_from_this()](const error_code& error) {
    const auto connection = self.lock();
    if (connection && !error) connection->close_if_due();
  };
  timer_.async_wait(std::move(close));
}

void HttpConnection::stay_open() { deadline_.reset(); }

void HttpConnection::close_if_due() {
  const auto now = std::chrono::steady_clock::now();
  // A wait that was over when the timer was set anew comes without an error, too.
  if (waits_until_ && *waits_until_ > now) return;
  waits_until_.reset();
  if (!deadline_) return;
  if (*deadline_ > now) return close_at(*deadline_);
  timed_out_ = true;
  error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<error_code> HttpConnection::connect(tcp::endpoint address) {
  error_code error;
  socket_.close(error);
  socket_.open(address.protocol(), error);
  if (error) co_return error;
  co_await socket_.async_connect(address, redirect_error(use_awaitable, error));
  if (error) co_return error;
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  co_return error;
}

asio::awaitable<error_code> HttpConnection::handshake(std::string host) {
  if (!expect_host(tls_->native_handle(), host)) co_return asio::error::invalid_argument;
  error_code error;
  co_await tls_->async_handshake(asio::ssl::stream_base::client,
                                 redirect_error(use_awaitable, error));
  co_return error;
}

std::string HttpConnection::tls_mistake(const error_code& error) const {
  const long verdict =
      SSL_get_verify_result(const_cast<HttpConnection*>(this)->tls_->native_handle());
  if (verdict == X509_V_OK) return error.message();
  return std::string("certificate refused: ") + X509_verify_cert_error_string(verdict);
}

asio::awaitable<error_code> HttpConnection::write(std::string_view bytes) {
  error_code error;
  const asio::const_buffer buffer(bytes.data(), bytes.size());
  if (tls_)
    co_await asio::async_write(*tls_, buffer, redirect_error(use_awaitable, error));
  else
    co_await asio::async_write(socket_, buffer, redirect_error(use_awaitable, error));
  co_return error;
}

asio::awaitable<HttpConnection::Read> HttpConnection::read_some(std::span<char> buffer) {
  Read read;
  const asio::mutable_buffer place(buffer.data(), buffer.size());
  if (tls_)
    read.size = co_await tls_->async_read_some(place, redirect_error(use_awaitable, read.error));
  else
    read.size = co_await socket_.async_read_some(place, redirect_error(use_awaitable, read.error));
  // A peer that drops TLS without a goodbye: the length of the response tells whether it was all.
  if (read.error == asio::ssl::error::stream_truncated) read.error = asio::error::eof;
  co_return read;
}

std::span<char> HttpConnection::buffer() {
  constexpr std::size_t kSize = 4'096;
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kSize);
  return {buffer_.get(), kSize};
}

bool HttpConnection::quiet() {
  char byte = 0;
  return socket_.is_open() &&
         ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace rruled::io
