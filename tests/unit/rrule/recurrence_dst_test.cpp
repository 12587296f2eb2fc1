// Changes of the clock: gaps, folds and a day that never was.
#include "engine_times.h"
#include "rrule/occurrence.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::rrule {

using namespace testing;

namespace {

constexpr DstPolicy kSkip{GapPolicy::skip, FoldPolicy::automatic};
constexpr DstPolicy kFirst{GapPolicy::shift, FoldPolicy::first};
constexpr DstPolicy kSecond{GapPolicy::shift, FoldPolicy::second};
constexpr DstPolicy kBoth{GapPolicy::shift, FoldPolicy::both};

}  // namespace

TEST_CASE("a daily job never misses a night and never runs twice") {
  // 2026-03-08 02:30 does not exist in New York; 2026-11-01 01:30 comes twice.
  CHECK(first(recurrence("FREQ=DAILY", "2026-03-07T02:30:00", "America/New_York"), 3) ==
        Instants{"2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"});
  CHECK(first(recurrence("FREQ=DAILY", "2026-03-07T02:30:00", "America/New_York", kSkip), 3) ==
        Instants{"2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z", "2026-03-10T06:30:00Z"});
  CHECK(first(recurrence("FREQ=DAILY", "2026-10-31T01:30:00", "America/New_York"), 3) ==
        Instants{"2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"});
  CHECK(first(recurrence("FREQ=DAILY", "2026-10-31T01:30:00", "America/New_York", kSecond), 3) ==
        Instants{"2026-10-31T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"});
  CHECK(first(recurrence("FREQ=DAILY", "2026-10-31T01:30:00", "America/New_York", kBoth), 4) ==
        Instants{"2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z",
                 "2026-11-02T06:30:00Z"});
}

TEST_CASE("a last night that is run in the second hour is not after UNTIL") {
  const std::string until = ";UNTIL=20261101T013000";
  CHECK(first(recurrence("FREQ=DAILY" + until, "2026-10-31T01:30:00", "America/New_York", kSecond),
              3) == Instants{"2026-10-31T05:30:00Z", "2026-11-01T06:30:00Z"});
  CHECK(first(recurrence("FREQ=DAILY" + until, "2026-10-31T01:30:00", "America/New_York"), 3) ==
        Instants{"2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z"});
}

TEST_CASE("an EXRULE counts a night with two readings once") {
  const auto left = [](const std::string& until, const std::string& zone_name, DstPolicy policy) {
    return first(recurrence("RRULE:FREQ=DAILY;COUNT=10\nEXRULE:FREQ=DAILY;" + until,
                            "2026-10-30T01:30:00", zone_name, policy),
                 1);
  };
  CHECK(left("COUNT=5", "UTC", {}) == Instants{"2026-11-04T01:30:00Z"});
  CHECK(left("COUNT=5", "America/New_York", {}) == Instants{"2026-11-04T06:30:00Z"});
  CHECK(left("COUNT=3", "America/New_York", {}) == Instants{"2026-11-02T06:30:00Z"});
  CHECK(left("COUNT=3", "America/New_York", kSecond) == Instants{"2026-11-02T06:30:00Z"});
  CHECK(left("UNTIL=20261101T013000", "America/New_York", kSecond) ==
        Instants{"2026-11-02T06:30:00Z"});
  CHECK(left("UNTIL=20261101T013000", "America/New_York", kBoth) ==
        Instants{"2026-11-02T06:30:00Z"});
  // An instant ends nothing but what is before it.
  CHECK(left("UNTIL=20261101T053000Z", "America/New_York", kBoth) ==
        Instants{"2026-11-01T06:30:00Z"});
}

// What is left is what has no wall time of the EXRULE alone: all its readings, and no others.
TEST_CASE("an EXRULE that ends in a fold ends on the wall") {
  const auto policy = GENERATE(DstPolicy{}, kFirst, kSecond, kBoth);
  const auto [zone_name, start] =
      GENERATE(table<std::string, std::string>({{"America/New_York", "2026-10-31T22:10:00"},
                                                {"Australia/Lord_Howe", "2026-04-04T22:10:00"},
                                                {"America/St_Johns", "2006-10-28T22:10:00"}}));
  const std::string every = GENERATE("FREQ=MINUTELY;INTERVAL=20", "FREQ=MINUTELY;INTERVAL=100",
                                     "FREQ=DAILY;BYHOUR=0,1,2,22,23;BYMINUTE=0,10,20,30,50");
  const std::string day = start.substr(0, 4) + start.substr(5, 2) + start.substr(8, 2);
  std::vector<std::string> ends{";UNTIL=" + day};
  for (int count = 1; count < 30; ++count) ends.push_back(";COUNT=" + std::to_string(count));
  for (const char* until : {"T225000", "T231000", "T234000", "T235959"})
    ends.push_back(";UNTIL=" + day + until);
  const std::string dense = "RRULE:FREQ=MINUTELY;INTERVAL=10;COUNT=60";
  const auto all = recurrence(dense, start, zone_name, policy);
  std::size_t left_out = 0;
  for (const std::string& end : ends) {
    CAPTURE(zone_name, start, every + end, to_string(policy.fold));
    std::vector<local_seconds> walls;
    const auto alone = recurrence(every + end, start, zone_name, policy);
    for (const auto& each : alone.between(alone.starts_at(), sys_seconds::max(), 1'000))
      walls.push_back(each.local);
    std::vector<Occurrence> expected;
    for (const auto& each : all.between(all.starts_at(), sys_seconds::max(), 1'000))
      if (std::find(walls.begin(), walls.end(), each.local) == walls.end())
        expected.push_back(each);
    const auto set = recurrence(dense + "\nEXRULE:" + every + end, start, zone_name, policy);
    CHECK(print(set.between(set.starts_at(), sys_seconds::max(), 1'000)) == print(expected));
    CHECK(set.count(set.starts_at(), sys_seconds::max()) == expected.size());
    if (!expected.empty())
      CHECK(set.previous(sys_seconds::max())->instant == expected.back().instant);
    left_out += 60 - expected.size();
  }
  CHECK(left_out > 100);
}

TEST_CASE("occurrences say what the clock did to them") {
  const auto spring = recurrence("FREQ=DAILY", "2026-03-07T02:30:00", "America/New_York");
  const auto shifted = spring.next(utc("2026-03-07T07:30:00Z"));
  CHECK(shifted->note == Note::gap_shifted);
  CHECK(print(shifted->local) == "2026-03-08T03:30:00");
  CHECK(print(shifted->nominal) == "2026-03-08T02:30:00");

  const auto autumn = recurrence("FREQ=HOURLY", "2026-11-01T00:30:00", "America/New_York");
  const auto occurrences = autumn.between(autumn.starts_at(), sys_seconds::max(), 4);
  CHECK(occurrences[0].note == Note::none);
  CHECK(occurrences[1].note == Note::fold_first);
  CHECK(occurrences[2].note == Note::fold_second);
  CHECK(print(occurrences[2].local) == "2026-11-01T01:30:00");
  CHECK(occurrences[3].note == Note::none);
}

TEST_CASE("no rule of an hour or less has a silent hour") {
  const auto [rule, policy, expected] = GENERATE(table<std::string, DstPolicy, Instants>({
      {"FREQ=HOURLY",
       {},
       {"2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z",
        "2026-11-01T07:00:00Z"}},
      {"FREQ=MINUTELY;INTERVAL=60",
       {},
       {"2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z",
        "2026-11-01T07:00:00Z"}},
      {"FREQ=HOURLY",
       kFirst,
       {"2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z"}},
      {"FREQ=MINUTELY;INTERVAL=61",
       {},
       {"2026-11-01T04:00:00Z", "2026-11-01T05:01:00Z", "2026-11-01T07:02:00Z"}},
      {"FREQ=HOURLY;INTERVAL=2",
       {},
       {"2026-11-01T04:00:00Z", "2026-11-01T07:00:00Z", "2026-11-01T09:00:00Z"}},
  }));
  INFO(rule << " " << to_string(policy.fold));
  CHECK(first(recurrence(rule, "2026-11-01T00:00:00", "America/New_York", policy),
              expected.size()) == expected);
}

TEST_CASE("two wall times that become one instant are one run") {
  const std::string rule = "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=30;COUNT=5";
  const auto both = recurrence(rule, "2026-03-07T00:00:00", "America/New_York");
  CHECK(first(both, 9) == Instants{"2026-03-07T07:30:00Z", "2026-03-07T08:30:00Z",
                                   "2026-03-08T07:30:00Z",  // 02:30 shifted, and 03:30
                                   "2026-03-09T06:30:00Z", "2026-03-09T07:30:00Z"});
  CHECK(both.next(utc("2026-03-08T00:00:00Z"))->note == Note::none);
  CHECK(both.count(utc("2026-03-08T00:00:00Z"), utc("2026-03-09T00:00:00Z")) == 1);
  // In local order 03:00 follows 02:30; as instants it comes first.
  CHECK(first(recurrence("FREQ=MINUTELY;INTERVAL=30", "2026-03-08T01:30:00", "America/New_York"),
              5) == Instants{"2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z",
                             "2026-03-08T08:00:00Z", "2026-03-08T08:30:00Z"});
}

TEST_CASE("an EXDATE in a gap that is skipped excludes nothing, least of all a real 03:30") {
  // 2027-03-14 02:30 does not exist in New York.
  const std::string exdate =
      GENERATE("EXDATE:20270314T023000", "EXDATE;TZID=America/New_York:20270314T023000");
  const std::string text = "FREQ=HOURLY;BYMINUTE=30\n" + exdate;
  CHECK(first(recurrence(text, "2027-03-14T05:00:00Z", "America/New_York", kSkip), 4) ==
        Instants{"2027-03-14T05:30:00Z", "2027-03-14T06:30:00Z",
                 "2027-03-14T07:30:00Z",  // 03:30
                 "2027-03-14T08:30:00Z"});
  const auto shifted = recurrence(text, "2027-03-14T05:00:00Z", "America/New_York");
  CHECK(first(shifted, 3) ==
        Instants{"2027-03-14T05:30:00Z", "2027-03-14T06:30:00Z", "2027-03-14T08:30:00Z"});
  // So it is with an EXRULE.
  CHECK(first(recurrence("FREQ=HOURLY;BYMINUTE=30\nEXRULE:FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
                         "2027-03-14T05:00:00Z", "America/New_York", kSkip),
              3) ==
        Instants{"2027-03-14T05:30:00Z", "2027-03-14T06:30:00Z", "2027-03-14T07:30:00Z"});
}

TEST_CASE("the start is itself, whatever dst_fold says") {
  // 01:30 for the first time, and for the second.
  const auto [start, policy, expected] = GENERATE(table<std::string, DstPolicy, Instants>({
      {"2026-11-01T05:30:00Z", kFirst, {"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
      {"2026-11-01T06:30:00Z", kFirst, {"2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"}},
      {"2026-11-01T05:30:00Z", kSecond, {"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
      {"2026-11-01T06:30:00Z", kSecond, {"2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"}},
      {"2026-11-01T06:30:00Z", kBoth, {"2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"}},
      {"2026-11-01T05:30:00Z",
       kBoth,
       {"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"}},
  }));
  INFO(start << " " << to_string(policy.fold));
  const auto daily = recurrence("FREQ=DAILY", start, "America/New_York", policy);
  CHECK(first(daily, expected.size()) == expected);
  CHECK(daily.count(daily.starts_at(), utc("2026-11-03T00:00:00Z")) == expected.size());
  CHECK(daily.previous(utc("2026-11-03T00:00:00Z"))->instant == utc("2026-11-02T06:30:00Z"));
  CHECK(print(daily.previous(utc("2026-11-02T06:30:00Z"))->instant) ==
        expected[expected.size() - 2]);
  CHECK_FALSE(daily.previous(daily.starts_at()));
}

TEST_CASE("a start given as wall time") {
  const auto new_york = zone("America/New_York");
  CHECK(print(start_instant(wall("2026-03-08T02:30:00"), *new_york)) == "2026-03-08T07:30:00Z");
  CHECK(print(start_instant(wall("2026-11-01T01:30:00"), *new_york)) == "2026-11-01T05:30:00Z");
  CHECK(print(start_instant(wall("2026-06-01T09:00:00"), *new_york)) == "2026-06-01T13:00:00Z");
}

TEST_CASE("awkward zones") {
  const auto [rule, start, in, expected] =
      GENERATE(table<std::string, std::string, std::string, Instants>({
          // Samoa had no 30 December 2011: read with the offset before, it is the 31st.
          {"FREQ=DAILY",
           "2011-12-29T09:00:00",
           "Pacific/Apia",
           {"2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"}},
          // Lord Howe changes by half an hour.
          {"FREQ=DAILY",
           "2026-10-03T02:15:00",
           "Australia/Lord_Howe",
           {"2026-10-02T15:45:00Z", "2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"}},
          // Dublin's winter time is its negative DST.
          {"FREQ=DAILY",
           "2026-10-24T01:30:00",
           "Europe/Dublin",
           {"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
          // Midnight did not exist.
          {"FREQ=DAILY",
           "2018-11-03T00:00:00",
           "America/Sao_Paulo",
           {"2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
          // Two hours.
          {"FREQ=DAILY",
           "2026-03-28T01:30:00",
           "Antarctica/Troll",
           {"2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T23:30:00Z"}},
          // Far beyond the last transition that a file lists.
          {"FREQ=DAILY",
           "2150-03-28T02:30:00",
           "Europe/Prague",
           {"2150-03-28T01:30:00Z", "2150-03-29T01:30:00Z", "2150-03-30T00:30:00Z"}},
      }));
  INFO(rule << " " << start << " " << in);
  CHECK(first(recurrence(rule, start, in), expected.size()) == expected);
}

TEST_CASE("UNTIL near a change") {
  // A day lasts to its end, also when its last hour comes twice; a wall time is read first.
  CHECK(
      first(recurrence("FREQ=HOURLY;UNTIL=20261101", "2026-11-01T22:00:00", "America/New_York"), 5)
          .size() == 2);
  CHECK(first(recurrence("FREQ=HOURLY;UNTIL=20261101T013000", "2026-11-01T00:30:00",
                         "America/New_York"),
              5) == Instants{"2026-11-01T04:30:00Z", "2026-11-01T05:30:00Z"});
  CHECK(first(recurrence("FREQ=DAILY;UNTIL=20260308T023000", "2026-03-07T02:30:00",
                         "America/New_York"),
              5) == Instants{"2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z"});
}

TEST_CASE("nothing that the clock shows after UNTIL runs, when UNTIL itself is in a gap") {
  const auto [rule, start, in, expected] =
      GENERATE(table<std::string, std::string, std::string, Instants>({
          {"FREQ=DAILY;BYHOUR=3;UNTIL=20260329T023000",
           "2026-03-28T03:00:00",
           "Europe/Prague",
           {"2026-03-28T02:00:00Z"}},
          // Shifted, and within it; 03:30 of the clock is the same instant, and is none itself.
          {"FREQ=DAILY;BYHOUR=2,3;UNTIL=20260329T023000",
           "2026-03-28T02:30:00",
           "Europe/Prague",
           {"2026-03-28T01:30:00Z", "2026-03-28T02:30:00Z", "2026-03-29T01:30:00Z"}},
          {"FREQ=HOURLY;UNTIL=20260329T023000",
           "2026-03-29T00:00:00",
           "Europe/Prague",
           {"2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"}},
          // 30 December is missing as a whole: its times run a day later, those of the 31st do not.
          {"FREQ=DAILY;UNTIL=20111230",
           "2011-12-28T05:00:00",
           "Pacific/Apia",
           {"2011-12-28T15:00:00Z", "2011-12-29T15:00:00Z", "2011-12-30T15:00:00Z"}},
          {"FREQ=DAILY;BYDAY=TH,SA;UNTIL=20111230",
           "2011-12-28T00:30:00",
           "Pacific/Apia",
           {"2011-12-29T10:30:00Z"}},
          {"FREQ=DAILY;INTERVAL=2;BYMINUTE=0,2,4;UNTIL=20060402T000200",
           "2006-03-31T00:00:00",
           "America/St_Johns",
           {"2006-03-31T03:30:00Z", "2006-03-31T03:32:00Z", "2006-03-31T03:34:00Z",
            "2006-04-02T03:30:00Z", "2006-04-02T03:32:00Z"}},
      }));
  INFO(rule);
  const auto set = recurrence(rule, start, in);
  CHECK(first(set, 9) == expected);
  CHECK(set.count(set.starts_at(), sys_seconds::max()) == expected.size());
  std::vector<std::string> back;
  for (auto each = set.previous(sys_seconds::max()); each; each = set.previous(each->instant))
    back.insert(back.begin(), print(each->instant));
  CHECK(back == expected);
}

TEST_CASE("an exclusion whose UNTIL is in a gap ends there, too") {
  const auto set = recurrence("RRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY;UNTIL=20260329T023000",
                              "2026-03-29T01:00:00", "Europe/Prague", {GapPolicy::skip, {}});
  CHECK(print(set.first()->instant) == "2026-03-29T01:00:00Z");
}

TEST_CASE("names of policies") {
  std::string words;
  for (const auto fold :
       {FoldPolicy::automatic, FoldPolicy::first, FoldPolicy::second, FoldPolicy::both})
    words += std::string(to_string(fold)) + " ";
  for (const auto gap : {GapPolicy::shift, GapPolicy::skip})
    words += std::string(to_string(gap)) + " ";
  CHECK(words == "auto first second both shift skip ");
}

}  // namespace rruled::rrule
