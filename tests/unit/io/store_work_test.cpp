#include "daemon/io/store_work.h"

#include "store/memory_store.h"

#include <catch2/catch.hpp>

namespace rruled::test {

using namespace std::chrono_literals;

TEST_CASE("what was planned before the clock was corrected was settled ahead of its time") {
  store::MemoryStore store;
  io::StoreWork work{store, store.begin_session({}, store::Timestamp(1h))};
  const auto kind_of = [&](std::chrono::milliseconds ahead) {
    core::Settle settle;
    settle.batch.resize(2);  // of a schedule that is not there
    settle.planned_at = store::Timestamp(2h) + ahead;
    const auto results = work.perform(settle, store::Timestamp(2h)).results;
    REQUIRE(results.size() == 2);
    CHECK(results[0].kind == results[1].kind);
    return results[0].kind;
  };
  using Kind = store::SettleResult::Kind;
  CHECK(kind_of(117min) == Kind::not_yet);
  CHECK(kind_of(1'001ms) == Kind::not_yet);
  CHECK(kind_of(1'000ms) == Kind::gone);
  CHECK(kind_of(-1h) == Kind::gone);
}

}  // namespace rruled::test
