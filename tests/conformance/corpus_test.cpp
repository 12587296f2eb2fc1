// Every case of the shared vectors that says when a rule occurs.
#include "vectors.h"

#include <catch2/catch.hpp>

#include <map>

namespace rruled::rrule {
namespace {

using namespace vectors;
using boost::json::object;

// Where our answer differs from a vector's on purpose.
enum class Decision {
  ends_in_2200,             // occurrences after 2200 are not given
  starts_after_2200,        // such a start is refused
  positions_on_wall_clock,  // with gaps skipped, BYSETPOS still counts the times that are skipped:
                            // periods, BY parts and BYSETPOS are about wall-clock time, the zone
                            // comes after them
};
const std::map<std::string, Decision> kDecisions{
    {"c0032", Decision::ends_in_2200},      {"c1120", Decision::ends_in_2200},
    {"c0219", Decision::starts_after_2200}, {"c0220", Decision::starts_after_2200},
    {"c0475", Decision::starts_after_2200}, {"d0894 skip", Decision::positions_on_wall_clock}};

std::optional<Decision> decision(const object& vector, const std::string& variant = "") {
  const auto* id = vector.if_contains("id");
  const auto found =
      id ? kDecisions.find(std::string(id->as_string()) + variant) : kDecisions.end();
  if (found == kDecisions.end()) return std::nullopt;
  return found->second;
}

std::string head(const object& vector, const std::string& rule) {
  const auto* id = vector.if_contains("id");
  return (id ? std::string(id->as_string()) + " " : "") + rule + " from " +
         text(vector, "dtstart_local") + " " + text(vector, "timezone");
}

// The first instants are `expected`; where the list is complete, nothing follows.
void expect(Report& report,
            const object& vector,
            const std::string& rule,
            std::vector<std::string> expected,
            bool complete) {
  const auto recurrence = compile(vector, rule);
  const auto decided = decision(vector);
  if (decided == Decision::starts_after_2200) {
    CHECK(!recurrence);
    return;
  }
  if (!recurrence) {
    report.differs(head(vector, rule) + ": refused, " + recurrence.error().detail);
    return;
  }
  if (decided == Decision::ends_in_2200) {
    CHECK(std::erase_if(expected, [](const auto& item) { return item >= "2201"; }) > 0);
    complete = true;
  }
  const auto found = instants(*recurrence, expected.size() + (complete ? 1 : 0));
  if (found != expected) {
    report.differs(head(vector, rule) + "\n  expected " + join(expected) + "\n  found    " +
                   join(found));
  }
}

std::vector<std::string> to_instants(const object& vector, const std::vector<std::string>& locals) {
  const auto in = zone(text(vector, "timezone"));
  std::vector<std::string> found;
  for (const auto& item : locals) found.push_back(print(start_instant(local(item), *in)));
  return found;
}

}  // namespace

TEST_CASE("the corpus of eight libraries and the RFC") {
  const auto vectors = lines("corpus.jsonl");
  Report report;
  for (const auto& vector : vectors) {
    const std::string rule = text(vector, "rrule");
    if (text(vector, "status") == "rfc-forbidden") {
      if (compile(vector, rule)) report.differs(head(vector, rule) + ": should be refused");
      continue;
    }
    const auto* utc = vector.if_contains("expect_utc");
    const auto expected = utc ? texts(*utc) : to_instants(vector, texts(vector.at("expect_local")));
    expect(report, vector, rule, expected, vector.at("complete").as_bool());
  }
  INFO(report.text());
  CHECK(report.size() == 0);
  CHECK((vectors.empty() || vectors.size() > 1'000));
}

TEST_CASE("random rules in awkward zones") {
  const auto vectors = lines("dev.jsonl");
  Report report;
  std::size_t skipping = 0;
  for (const auto& vector : vectors) {
    const std::string rule = text(vector, "rrule");
    const auto check = [&](const char* key, GapPolicy gap) {
      const auto expected = texts(vector.at(key));
      const auto recurrence = compile(vector, rule, {gap, FoldPolicy::first});
      if (!recurrence) {
        report.differs(head(vector, rule) + ": refused, " + recurrence.error().detail);
        return;
      }
      if (gap == GapPolicy::skip && decision(vector, " skip")) return;
      const bool ends = expected.size() < 5;
      const auto found = instants(*recurrence, instant(text(vector, "after_utc")),
                                  expected.size() + (ends ? 1 : 0));
      if (found != expected) {
        report.differs(head(vector, rule) + " after " + text(vector, "after_utc") +
                       "\n  expected " + join(expected) + "\n  found    " + join(found));
      }
    };
    check("next_utc", GapPolicy::shift);
    if (vector.if_contains("next_utc_if_gap_times_are_skipped")) {
      check("next_utc_if_gap_times_are_skipped", GapPolicy::skip);
      ++skipping;
    }
  }
  INFO(report.text());
  CHECK(report.size() == 0);
  CHECK((vectors.empty() || (vectors.size() > 1'000 && skipping > 50)));
}

TEST_CASE("contested cases take the recommended reading") {
  const auto vectors = lines("contested.jsonl");
  Report report;
  for (const auto& vector : vectors) {
    expect(report, vector, text(vector, "rrule"), texts(vector.at("recommended")), false);
  }
  INFO(report.text());
  CHECK(report.size() == 0);
  CHECK((vectors.empty() || vectors.size() > 200));
}

TEST_CASE("rules that say the same occur at the same times") {
  const auto vectors = lines("equivalent.jsonl");
  Report report;
  for (const auto& vector : vectors) {
    const auto expected = to_instants(vector, texts(vector.at("first_20")));
    for (const auto& rule : texts(vector.at("rules"))) {
      expect(report, vector, rule, expected, false);
    }
  }
  INFO(report.text());
  CHECK(report.size() == 0);
  CHECK((vectors.empty() || vectors.size() >= 10));
}

}  // namespace rruled::rrule
