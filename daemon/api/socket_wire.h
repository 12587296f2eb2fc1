#pragma once

#include "daemon/api/handshake_turns.h"
#include "daemon/api/wire.h"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>

namespace rruled::api {

// A TCP or Unix-domain connection, with or without TLS on it.
class SocketWire final : public Wire {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  // `tls` null: plain. Handshakes go on in their turn among those of `turns`.
  SocketWire(Socket socket,
             std::shared_ptr<boost::asio::ssl::context> tls,
             std::shared_ptr<HandshakeTurns> turns);
  ~SocketWire() override;

  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> begin(Deadline deadline) override;
  [[nodiscard]] boost::asio::awaitable<Read> read_some(std::span<char> buffer,
                                                       Deadline deadline) override;
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> write(std::string_view first,
                                                                        std::string_view second,
                                                                        Deadline deadline) override;
  [[nodiscard]] boost::asio::awaitable<void> end_writing(Deadline deadline) override;
  void close() override;
  [[nodiscard]] bool secure() const override { return tls_ != nullptr; }

 private:
  // Breaks operations off at their deadline. Its timer is set anew only for an earlier deadline:
  // a busy connection seldom touches it.
  struct Watch;

  // What is under way ends with operation_aborted.
  void cancel();
  [[nodiscard]] boost::system::error_code outcome(const boost::system::error_code& error);

  std::shared_ptr<boost::asio::ssl::context> tls_;
  Socket socket_;
  std::optional<PacedSocket> paced_;  // both with TLS alone
  std::optional<boost::asio::ssl::stream<PacedSocket&>> stream_;
  std::shared_ptr<Watch> watch_;
};

}  // namespace rruled::api
