#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <type_traits>
#include <utility>

namespace rruled::io {

namespace detail {

template <class F>
boost::asio::awaitable<std::invoke_result_t<F&>> call(F function) {
  co_return function();
}

}  // namespace detail

// Calls `function` on a thread of `pool` and brings its result, or its exception, back to the
// caller's own executor. For what blocks: the store, a name look-up. Once begun it runs to its end,
// whatever happens to the awaiting coroutine: cancellation does not reach the pool's thread.
//
//   auto due = [&store, before] { return store.load_due({}, before, kPage); };
//   const auto rows = co_await run_on(pool, std::move(due));
//
// Name the lambda first: g++ 12.2 destroys one that is written inside the co_await expression
// twice.
template <class F>
boost::asio::awaitable<std::invoke_result_t<F&>> run_on(boost::asio::thread_pool& pool,
                                                        F function) {
  co_return co_await boost::asio::co_spawn(
      pool.get_executor(), detail::call<F>(std::move(function)),
      boost::asio::bind_cancellation_slot(boost::asio::cancellation_slot(),
                                          boost::asio::use_awaitable));
}

}  // namespace rruled::io
