#include "daemon/api/handshake_turns.h"

#include <boost/asio/post.hpp>

namespace rruled::api {

HandshakeTurns::Line::iterator HandshakeTurns::stand_in(PacedSocket& socket) {
  const auto place = line_.insert(line_.end(), &socket);
  if (!std::exchange(calling_, true))
    boost::asio::post(io_, [self = shared_from_this()] { self->call_next(); });
  return place;
}

// What it calls, and what has become ready by then, runs before this is called again.
void HandshakeTurns::call_next() {
  calling_ = !line_.empty();
  if (!calling_) return;
  line_.front()->call();
  boost::asio::post(io_, [self = shared_from_this()] { self->call_next(); });
}

PacedSocket::PacedSocket(Socket& socket, std::shared_ptr<HandshakeTurns> turns)
    : socket_(socket),
      turns_(std::move(turns)),
      turn_(socket.get_executor(), boost::asio::steady_timer::time_point::max()) {}

void PacedSocket::stand_in_line() {
  called_ = false;
  waiting_ = true;
  place_ = turns_->stand_in(*this);
}

void PacedSocket::cancel() {
  if (!std::exchange(waiting_, false)) return;
  turns_->leave(place_);
  turn_.cancel();
}

void PacedSocket::call() {
  called_ = true;
  cancel();
}

}  // namespace rruled::api
