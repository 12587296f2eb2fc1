#include "daemon/io/meanwhile.h"

#include <catch2/catch.hpp>

#include <future>

namespace rruled::test {

using namespace std::chrono_literals;

TEST_CASE("what must be said meanwhile is said again and again, and ends with what it waits for") {
  int calls = 0;
  std::promise<void> thrice;
  {
    const io::Meanwhile waiting(1ms, [&] {
      if (++calls == 3) thrice.set_value();
    });
    CHECK(thrice.get_future().wait_for(20s) == std::future_status::ready);
  }
  CHECK(calls >= 3);
  // Ended before, while and after its thread begins to wait.
  int called = 0;
  for (int n = 0; n < 4'000; ++n) {
    const io::Meanwhile quick(std::chrono::hours(1), [&] { ++called; });
    const auto until = std::chrono::steady_clock::now() + n * 10ns;
    while (std::chrono::steady_clock::now() < until) continue;
  }
  CHECK(called == 0);
}

}  // namespace rruled::test
