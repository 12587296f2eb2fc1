#pragma once

#include "store/store.h"

#include <functional>
#include <string>
#include <vector>

// The contract of store/store.h as checks that every store passes. Each begins with an empty store.
//
//   for (const auto& check : rruled::test::conformance())
//     DYNAMIC_SECTION(check.name) { check.run(*an_empty_store()); }
namespace rruled::test {

struct Check {
  std::string name;
  std::function<void(store::Store&)> run;
};

[[nodiscard]] std::vector<Check> conformance();

// Its parts.
[[nodiscard]] std::vector<Check> write_checks();
[[nodiscard]] std::vector<Check> refusal_checks();
[[nodiscard]] std::vector<Check> change_checks();
[[nodiscard]] std::vector<Check> read_checks();
[[nodiscard]] std::vector<Check> settle_checks();
[[nodiscard]] std::vector<Check> overlap_checks();
[[nodiscard]] std::vector<Check> claim_checks();
[[nodiscard]] std::vector<Check> finish_checks();

}  // namespace rruled::test
