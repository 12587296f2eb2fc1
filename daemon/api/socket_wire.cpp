#include "daemon/api/socket_wire.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace rruled::api {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAgain{20};

}  // namespace

struct SocketWire::Watch : std::enable_shared_from_this<Watch> {
  Watch(SocketWire& watched, const asio::any_io_executor& io) : wire(&watched), timer(io) {}

  void expect_by(Deadline at) {
    expired = false;
    deadline = at;
    if (!armed || timer.expiry() > at) arm(at);
  }
  void rest() { deadline = Deadline::max(); }

  void arm(Deadline at) {
    timer.expires_at(at);
    armed = true;
    auto ring = [self = shared_from_this()](const error_code& error) {
      if (!error) self->ring();
    };
    timer.async_wait(std::move(ring));
  }
  void ring() {
    armed = false;
    if (wire == nullptr || deadline == Deadline::max()) return;
    const auto now = std::chrono::steady_clock::now();
    if (deadline > now) {
      arm(deadline);
      return;
    }
    expired = true;
    wire->cancel();
    // An operation of several steps may have been between two of them, and not noticed.
    arm(now + kAgain);
  }

  SocketWire* wire;  // null once it is gone
  asio::steady_timer timer;
  Deadline deadline = Deadline::max();
  bool armed = false;
  bool expired = false;
};

SocketWire::SocketWire(Socket socket,
                       std::shared_ptr<asio::ssl::context> tls,
                       std::shared_ptr<HandshakeTurns> turns)
    : tls_(std::move(tls)),
      socket_(std::move(socket)),
      watch_(std::make_shared<Watch>(*this, socket_.get_executor())) {
  if (!tls_) return;
  paced_.emplace(socket_, std::move(turns));
  stream_.emplace(*paced_, *tls_);
}

SocketWire::~SocketWire() {
  watch_->wire = nullptr;
  watch_->timer.cancel();
}

void SocketWire::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
  if (paced_) paced_->cancel();
}

error_code SocketWire::outcome(const error_code& error) {
  const bool late = error && watch_->expired;
  watch_->rest();
  return late ? error_code(asio::error::timed_out) : error;
}

awaitable<error_code> SocketWire::begin(Deadline deadline) {
  if (!stream_) co_return error_code();
  watch_->expect_by(deadline);
  error_code error;
  co_await stream_->async_handshake(asio::ssl::stream_base::server,
                                    redirect_error(use_awaitable, error));
  paced_->end_handshake();
  co_return outcome(error);
}

awaitable<Wire::Read> SocketWire::read_some(std::span<char> buffer, Deadline deadline) {
  watch_->expect_by(deadline);
  Read read;
  const asio::mutable_buffer place(buffer.data(), buffer.size());
  if (stream_)
    read.size = co_await stream_->async_read_some(place, redirect_error(use_awaitable, read.error));
  else
    read.size = co_await socket_.async_read_some(place, redirect_error(use_awaitable, read.error));
  read.error = outcome(read.error);
  co_return read;
}

awaitable<error_code> SocketWire::write(std::string_view first,
                                        std::string_view second,
                                        Deadline deadline) {
  watch_->expect_by(deadline);
  const std::array buffers{asio::const_buffer(first.data(), first.size()),
                           asio::const_buffer(second.data(), second.size())};
  error_code error;
  if (stream_)
    co_await asio::async_write(*stream_, buffers, redirect_error(use_awaitable, error));
  else
    co_await asio::async_write(socket_, buffers, redirect_error(use_awaitable, error));
  co_return outcome(error);
}

awaitable<void> SocketWire::end_writing(Deadline deadline) {
  error_code ignored;
  if (stream_) {
    // Sends our goodbye and waits for theirs.
    watch_->expect_by(deadline);
    co_await stream_->async_shutdown(redirect_error(use_awaitable, ignored));
    watch_->rest();
  }
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void SocketWire::close() {
  if (paced_) paced_->cancel();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace rruled::api
