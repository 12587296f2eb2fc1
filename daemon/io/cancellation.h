#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

// For coroutines that end by a value when they are cancelled through their slot.
namespace rruled::io {

// Runs `work` so that cancellation ends the operation under way but throws nowhere; `work` asks
// cancelled() after each of them, as a cancellation that comes between two stops neither.
template <class T>
boost::asio::awaitable<T> without_throwing(boost::asio::awaitable<T> work) {
  const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  T result = co_await std::move(work);
  co_await boost::asio::this_coro::throw_if_cancelled(throws);
  co_return result;
}

inline boost::asio::awaitable<bool> cancelled() {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  co_return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace rruled::io
