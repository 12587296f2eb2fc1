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
  bool called = false;
  {
    const io::Meanwhile quick(std::chrono::hours(1), [&] { called = true; });
  }
  CHECK_FALSE(called);
}

}  // namespace rruled::test
