#pragma once

#include "store/store.h"

#include <functional>
#include <string>
#include <vector>

// The contract of store/store.h as checks that every store passes. Each begins with an empty store.
//
//   for (const auto& check : rruled::test::conformance(Daemons::one))
//     DYNAMIC_SECTION(check.name) { check.run(*an_empty_store()); }
namespace rruled::test {

struct Check {
  std::string name;
  std::function<void(store::Store&)> run;
};

// How many may use the store at once. One: a session ends the one before. Many: claims lapse; the
// checks want a claim_ttl of a minute or more, and a store that judges by the caller's `now`.
enum class Daemons { one, many };

[[nodiscard]] std::vector<Check> conformance(Daemons daemons);

// Its parts.
[[nodiscard]] std::vector<Check> write_checks();
[[nodiscard]] std::vector<Check> refusal_checks();
[[nodiscard]] std::vector<Check> change_checks();
[[nodiscard]] std::vector<Check> read_checks();
[[nodiscard]] std::vector<Check> settle_checks();
[[nodiscard]] std::vector<Check> overlap_checks();
[[nodiscard]] std::vector<Check> claim_checks();
[[nodiscard]] std::vector<Check> finish_checks();
[[nodiscard]] std::vector<Check> fairness_checks();
[[nodiscard]] std::vector<Check> prune_checks();
[[nodiscard]] std::vector<Check> directory_checks();
[[nodiscard]] std::vector<Check> object_checks();
[[nodiscard]] std::vector<Check> run_desk_checks();
[[nodiscard]] std::vector<Check> expiry_checks();
[[nodiscard]] std::vector<Check> forgotten_checks();
[[nodiscard]] std::vector<Check> history_checks();
[[nodiscard]] std::vector<Check> survey_checks();
[[nodiscard]] std::vector<Check> one_daemon_checks();
[[nodiscard]] std::vector<Check> many_daemons_checks();

}  // namespace rruled::test
