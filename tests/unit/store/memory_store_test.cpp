#include "store/memory_store.h"

#include "conformance.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("MemoryStore keeps the contract", "[memory]") {
  for (const auto& check : conformance(Daemons::one)) {
    DYNAMIC_SECTION(check.name) {
      store::MemoryStore store;
      check.run(store);
    }
  }
}

TEST_CASE("MemoryStore keeps the contract of many daemons", "[memory]") {
  for (const auto& check : conformance(Daemons::many)) {
    DYNAMIC_SECTION(check.name) {
      store::MemoryStore store({.claim_ttl = std::chrono::minutes(1)});
      check.run(store);
    }
  }
}

}  // namespace rruled::test
