#include "daemon/io/http_pool.h"

#include <iterator>
#include <utility>

namespace rruled::io {

HttpPool::HttpPool(const boost::asio::any_io_executor& io, const Clock& clock, Limits limits)
    : clock_(clock), limits_(limits), timer_(io) {}

std::shared_ptr<HttpConnection> HttpPool::take(const HttpPeer& peer) {
  close_expired();
  const auto found = idle_.find(peer);
  if (found == idle_.end()) return nullptr;
  auto& of_peer = found->second;
  while (!of_peer.empty()) {
    auto connection = std::move(of_peer.back().connection);
    of_peer.pop_back();
    --count_;
    if (connection->quiet()) return connection;
  }
  return nullptr;
}

void HttpPool::keep(const HttpPeer& peer, std::shared_ptr<HttpConnection> connection) {
  close_expired();
  auto& of_peer = idle_[peer];
  if (of_peer.size() >= limits_.per_host || count_ >= limits_.all) return;
  connection->stay_open();
  of_peer.push_back({std::move(connection), clock_.steady() + limits_.idle});
  ++count_;
  close_later();
}

void HttpPool::clear() {
  idle_.clear();
  count_ = 0;
  timer_.cancel();
}

void HttpPool::close_expired() {
  const auto now = clock_.steady();
  const auto expired = [now](const Idle& idle) { return idle.until <= now; };
  for (auto of = idle_.begin(); of != idle_.end();) {
    auto& of_peer = of->second;
    if (!of_peer.empty() && expired(of_peer.front())) count_ -= std::erase_if(of_peer, expired);
    of = of_peer.empty() ? idle_.erase(of) : std::next(of);
  }
}

// One wait at a time, long enough for the youngest of now: closing late by as much is harmless, as
// take() looks at the time itself.
void HttpPool::close_later() {
  if (waiting_ || count_ == 0) return;
  waiting_ = true;
  timer_.expires_after(limits_.idle);
  timer_.async_wait([self = weak_from_this()](const boost::system::error_code&) {
    const auto pool = self.lock();
    if (!pool) return;
    pool->waiting_ = false;
    pool->close_expired();
    pool->close_later();
  });
}

}  // namespace rruled::io
