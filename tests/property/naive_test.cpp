// The engine against an oracle that walks (support/naive_rule.h), on seeded random rules in awkward
// zones. RRULED_SEED starts elsewhere, RRULED_CASES runs longer.
#include "property/random_case.h"
#include "rrule/occurrence.h"
#include "support/naive_rule.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>

namespace rruled::rrule {

TEST_CASE("the engine finds what walking every wall time finds") {
  const std::uint64_t seed = number_from_environment("RRULED_SEED", 1);
  const std::uint64_t cases = number_from_environment("RRULED_CASES", 500);
  std::size_t occurrences = 0;
  std::size_t differing = 0;
  for (std::uint64_t i = 0; i < cases && differing < 10; ++i) {
    Random random(seed + i);
    const RandomCase some = random_case(random);
    INFO("seed " << seed + i << ": " << some.text());
    const auto naive =
        naive_occurrences(some.rule, some.starts_at, *some.zone, some.policy,
                          some.starts_at + std::chrono::hours{24 * 365 * 6}, 100'000);
    const Recurrence recurrence = some.compiled();
    const auto found =
        recurrence.between(some.starts_at, naive.known_until, naive.instants.size() + 5);
    std::vector<sys_seconds> instants;
    for (const auto& occurrence : found) instants.push_back(occurrence.instant);
    occurrences += instants.size();
    if (instants != naive.instants) {
      ++differing;
      const auto [a, b] = std::mismatch(instants.begin(), instants.end(), naive.instants.begin(),
                                        naive.instants.end());
      FAIL_CHECK("after " << a - instants.begin() << " equal: found "
                          << (a == instants.end() ? "none" : print(*a)) << ", expected "
                          << (b == naive.instants.end() ? "none" : print(*b)));
      continue;
    }
    const std::uint64_t counted = recurrence.count(some.starts_at, naive.known_until);
    if (counted != instants.size()) {
      ++differing;
      FAIL_CHECK("counted " << counted << " of " << instants.size());
    }
    for (int n = 0; n < 20 && !instants.empty(); ++n) {  // from anywhere, forward and back
      const auto at =
          static_cast<std::size_t>(pick(random, 0, static_cast<int>(instants.size()) - 1));
      const sys_seconds gap_begin = at == 0 ? some.starts_at - seconds{100} : instants[at - 1];
      const sys_seconds after = gap_begin + (instants[at] - gap_begin) * pick(random, 0, 99) / 100;
      const auto next = recurrence.next(after);
      if (!next || next->instant != instants[at]) {
        ++differing;
        FAIL_CHECK("next(" << print(after) << ") is " << (next ? print(next->instant) : "none"));
        break;
      }
      if (at == 0) continue;
      const auto previous = recurrence.previous(after + seconds{1});
      if (!previous || previous->instant != instants[at - 1]) {
        ++differing;
        FAIL_CHECK("previous(" << print(after + seconds{1}) << ") is "
                               << (previous ? print(previous->instant) : "none") << ", not "
                               << print(instants[at - 1]));
        break;
      }
    }
  }
  CHECK(differing == 0);
  CHECK(occurrences > cases);
}

}  // namespace rruled::rrule
