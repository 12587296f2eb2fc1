// Laws of the recurrence engine that need no oracle.
#include "property/random_case.h"
#include "rrule/occurrence.h"
#include "rrule/parse.h"

#include <catch2/catch.hpp>

namespace rruled::rrule {
namespace {

constexpr std::uint64_t kSeed = 7'000'000;

// Calls check(case, random) for so many random cases, the seed in the message.
template <class Check>
void for_random_cases(std::uint64_t default_cases, Check check) {
  const std::uint64_t cases = number_from_environment("RRULED_CASES", default_cases);
  for (std::uint64_t i = 0; i < cases; ++i) {
    Random random(kSeed + i);
    const RandomCase some = random_case(random);
    INFO("seed " << kSeed + i << ": " << some.text());
    check(some, random);
  }
}

}  // namespace

TEST_CASE("a rule printed and parsed is the same rule") {
  std::size_t checked = 0;
  for_random_cases(5'000, [&](const RandomCase& some, Random&) {
    const std::string text = to_string(some.rule);
    const auto parsed = parse_rule(text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == some.rule);
    CHECK(to_string(*parsed) == text);
    ++checked;
  });
  CHECK(checked > 1'000);
}

TEST_CASE("occurrences strictly increase, from the start to the end of 2200") {
  std::size_t seen = 0;
  for_random_cases(3'000, [&](const RandomCase& some, Random&) {
    const Recurrence recurrence = some.compiled();
    OccurrenceIterator iterator(recurrence);
    sys_seconds last = some.starts_at - seconds{1};
    for (int i = 0; i < 200; ++i, ++seen) {
      const auto next = iterator.next();
      if (!next) {
        CHECK_FALSE(iterator.exhausted());
        break;
      }
      REQUIRE(next->instant > last);
      CHECK(next->local == some.zone->to_local(next->instant));
      CHECK((next->note == Note::gap_shifted) == (next->nominal != next->local));
      last = next->instant;
    }
  });
  CHECK(seen > 100'000);
}

TEST_CASE("the answer depends on the instant alone, not on how it was reached") {
  std::size_t seen = 0;
  for_random_cases(2'000, [&](const RandomCase& some, Random& random) {
    const Recurrence recurrence = some.compiled();
    OccurrenceIterator walking(recurrence);
    OccurrenceIterator seeking(recurrence);
    for (int i = 0; i < 100; ++i, ++seen) {
      const auto next = walking.next();
      if (!next) break;
      const sys_seconds at = next->instant;
      REQUIRE(recurrence.next(at - seconds{1}) == next);
      const auto earlier = recurrence.previous(at);
      const seconds room = earlier ? at - earlier->instant : seconds{1'000};
      seeking.seek(at - seconds{1} - (room - seconds{1}) * pick(random, 0, 100) / 100);
      REQUIRE(seeking.next() == next);
      const auto before = recurrence.previous(at);
      REQUIRE((!before || before->instant < at));
      REQUIRE(recurrence.previous(at + seconds{1}) == next);
      if (before) REQUIRE(recurrence.next(before->instant) == next);
    }
  });
  CHECK(seen > 50'000);
}

TEST_CASE("seeking is skipping") {
  std::size_t sought = 0;
  for_random_cases(1'000, [&](const RandomCase& some, Random& random) {
    const Recurrence recurrence = some.compiled();
    const auto listed = recurrence.between(some.starts_at, sys_seconds::max(), 300);
    if (listed.size() < 2) return;
    OccurrenceIterator iterator(recurrence);
    for (int i = 0; i < 20; ++i, ++sought) {
      const auto at =
          static_cast<std::size_t>(pick(random, 0, static_cast<int>(listed.size()) - 2));
      iterator.seek(listed[at].instant);
      for (std::size_t n = at + 1; n < listed.size() && n < at + 4; ++n) {
        REQUIRE(iterator.next() == listed[n]);
      }
    }
  });
  CHECK(sought > 5'000);
}

TEST_CASE("counts add up, and count what is listed") {
  std::size_t counted = 0;
  for_random_cases(1'000, [&](const RandomCase& some, Random& random) {
    const Recurrence recurrence = some.compiled();
    const auto listed = recurrence.between(some.starts_at, sys_seconds::max(), 400);
    if (listed.empty()) return;
    const sys_seconds from = listed.front().instant;
    const sys_seconds to = listed.back().instant;
    REQUIRE(recurrence.count(from, to) == listed.size() - 1);
    const sys_seconds middle = from + (to - from) * pick(random, 0, 100) / 100;
    REQUIRE(recurrence.count(from, middle) + recurrence.count(middle, to) == listed.size() - 1);
    counted += listed.size();
  });
  CHECK(counted > 50'000);
}

TEST_CASE("a rule with COUNT is the beginning of the rule without") {
  std::size_t compared = 0;
  for_random_cases(1'500, [&](const RandomCase& some, Random& random) {
    RuleParts parts = some.rule.parts();
    parts.until.reset();
    parts.count.reset();
    RandomCase endless = some;
    endless.rule = Rule::make(parts).value();
    parts.count = static_cast<std::uint32_t>(pick(random, 1, 1'200));
    RandomCase counted = some;
    counted.rule = Rule::make(parts).value();
    const auto all = endless.compiled().between(some.starts_at, sys_seconds::max(), *parts.count);
    const auto some_of_them = counted.compiled().between(some.starts_at, sys_seconds::max(), 2'000);
    INFO("count " << *parts.count);
    REQUIRE(all == some_of_them);
    compared += all.size();
  });
  CHECK(compared > 100'000);
}

}  // namespace rruled::rrule
