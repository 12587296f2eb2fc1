#include "store/memory_store.h"

#include "conformance.h"

#include <catch2/catch.hpp>

namespace rruled::test {

TEST_CASE("MemoryStore keeps the contract", "[memory]") {
  for (const auto& check : conformance()) {
    DYNAMIC_SECTION(check.name) {
      store::MemoryStore store;
      check.run(store);
    }
  }
}

}  // namespace rruled::test
