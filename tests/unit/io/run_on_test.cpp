#include "daemon/io/run_on.h"

#include "tests/unit/io/io_fixture.h"

#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using rruled::io::run_on;
using rruled::test::IoLoop;
namespace asio = boost::asio;

namespace {

struct Seen {
  std::thread::id before, inside, after;
  std::string result;
};

asio::awaitable<Seen> call_and_come_home(asio::thread_pool& pool) {
  Seen seen;
  seen.before = std::this_thread::get_id();
  auto call = [&seen, owned = std::make_unique<std::string>("result")] {
    seen.inside = std::this_thread::get_id();
    return *owned;
  };
  seen.result = co_await run_on(pool, std::move(call));
  seen.after = std::this_thread::get_id();
  co_return seen;
}

asio::awaitable<bool> call_and_catch(asio::thread_pool& pool, std::thread::id home) {
  auto call = []() -> int { throw std::runtime_error("from the pool"); };
  try {
    co_await run_on(pool, call);
  } catch (const std::runtime_error& error) {
    co_return error.what() == std::string("from the pool") && std::this_thread::get_id() == home;
  }
  co_return false;
}

asio::awaitable<int> call_cancelled(asio::thread_pool& pool, IoLoop& loop) {
  auto call = [&loop] {
    loop.cancel();
    return 42;
  };
  const int result = co_await run_on(pool, call);
  // The cancellation is posted; let it come before the coroutine goes on.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::post(asio::use_awaitable);
  co_return result;
}

asio::awaitable<int> call_nothing(asio::thread_pool& pool, int times) {
  int done = 0;
  auto call = [&done] { ++done; };
  for (int i = 0; i < times; ++i) co_await run_on(pool, call);
  co_return done;
}

}  // namespace

TEST_CASE("a callable runs on the pool and its result comes home") {
  IoLoop loop;
  asio::thread_pool pool(2);
  const Seen seen = loop.run(call_and_come_home(pool));
  CHECK(seen.result == "result");
  CHECK(seen.inside != seen.before);
  CHECK(seen.after == seen.before);
}

TEST_CASE("an exception on the pool comes home") {
  IoLoop loop;
  asio::thread_pool pool(2);
  CHECK(loop.run(call_and_catch(pool, std::this_thread::get_id())));
}

TEST_CASE("cancellation does not take a result away") {
  IoLoop loop;
  asio::thread_pool pool(2);
  CHECK(loop.run(call_cancelled(pool, loop)) == 42);
}

TEST_CASE("a callable without a result can be awaited again and again") {
  IoLoop loop;
  asio::thread_pool pool(2);
  CHECK(loop.run(call_nothing(pool, 200)) == 200);
}
