#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <utility>

// A TLS handshake costs the io thread milliseconds (a signature by the server's key), and many may
// be ready at the same moment. They go on one by one, and what else is ready goes in between.
namespace rruled::api {

class PacedSocket;

// The line of those whose handshake can go on: one in each turn of the event loop, in the order in
// which they came. Io thread only.
class HandshakeTurns : public std::enable_shared_from_this<HandshakeTurns> {
 public:
  explicit HandshakeTurns(boost::asio::any_io_executor io) : io_(std::move(io)) {}

 private:
  friend class PacedSocket;
  using Line = std::list<PacedSocket*>;

  Line::iterator stand_in(PacedSocket& socket);
  void leave(Line::iterator place) { line_.erase(place); }
  void call_next();

  boost::asio::any_io_executor io_;
  Line line_;
  bool calling_ = false;
};

// The socket below a TLS stream: what it reads during the handshake is handed on in its turn. Io
// thread only; one read at a time.
class PacedSocket {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using lowest_layer_type = Socket::lowest_layer_type;
  using executor_type = Socket::executor_type;

  // `socket` must outlive it.
  PacedSocket(Socket& socket, std::shared_ptr<HandshakeTurns> turns);
  PacedSocket(const PacedSocket&) = delete;
  PacedSocket& operator=(const PacedSocket&) = delete;
  ~PacedSocket() { cancel(); }

  // The handshake is over: reads are handed on at once from now on.
  void end_handshake() { handshake_ = false; }
  // A read that waits for its turn ends with operation_aborted.
  void cancel();

  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  [[nodiscard]] lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }
  [[nodiscard]] const lowest_layer_type& lowest_layer() const { return socket_.lowest_layer(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        PacedRead<Buffers>{*this, buffers}, token, socket_);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return socket_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  friend class HandshakeTurns;

  template <class Buffers>
  struct PacedRead {
    PacedSocket& socket;
    Buffers buffers;
    enum { start, read, turn } step = start;
    std::size_t size = 0;

    template <class Self>
    void operator()(Self& self, boost::system::error_code error = {}, std::size_t came = 0) {
      if (step == start) {
        step = read;
        const Buffers place = buffers;
        socket.socket_.async_read_some(place, std::move(self));
      } else if (step == read && socket.handshake_ && !error) {
        step = turn;
        size = came;
        socket.stand_in_line();
        socket.turn_.async_wait(std::move(self));
      } else if (step == read) {
        self.complete(error, came);
      } else if (socket.called_) {
        self.complete({}, size);
      } else {
        self.complete(boost::asio::error::operation_aborted, 0);
      }
    }
  };

  void stand_in_line();
  void call();

  Socket& socket_;
  const std::shared_ptr<HandshakeTurns> turns_;
  boost::asio::steady_timer turn_;  // never comes: cancelled when it is its turn, or never will be
  HandshakeTurns::Line::iterator place_;
  bool waiting_ = false;
  bool called_ = false;
  bool handshake_ = true;
};

}  // namespace rruled::api
