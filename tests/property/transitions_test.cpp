// Around every change of the clock in every zone, to 2200: the engine against a walk over the
// instants themselves, minute by minute, which asks of each what the clock shows. The zones'
// offsets have an oracle of their own (unit/rrule/zone_oracle_test.cpp). By default a sample of the
// changes; RRULED_ALL_TRANSITIONS=1 takes all.
#include "property/random_case.h"
#include "rrule/occurrence.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <set>

namespace rruled::rrule {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// Does the rule name this wall time, seconds being 0? All rules start on a midnight years before.
struct TypicalRule {
  const char* text;
  bool (*names)(long minute_of_day, date::local_days day);
};

int monthday(date::local_days day) {
  return static_cast<int>(static_cast<unsigned>(date::year_month_day{day}.day()));
}
bool is_weekday(date::local_days day) { return date::weekday{day}.iso_encoding() <= 5; }

constexpr TypicalRule kTypicalRules[] = {
    {"FREQ=DAILY", [](long m, date::local_days) { return m == 0; }},
    {"FREQ=DAILY;BYHOUR=0;BYMINUTE=30", [](long m, date::local_days) { return m == 30; }},
    {"FREQ=DAILY;BYHOUR=1", [](long m, date::local_days) { return m == 60; }},
    {"FREQ=DAILY;BYHOUR=1;BYMINUTE=30", [](long m, date::local_days) { return m == 90; }},
    {"FREQ=DAILY;BYHOUR=2", [](long m, date::local_days) { return m == 120; }},
    {"FREQ=DAILY;BYHOUR=2;BYMINUTE=30", [](long m, date::local_days) { return m == 150; }},
    {"FREQ=DAILY;BYHOUR=3", [](long m, date::local_days) { return m == 180; }},
    {"FREQ=DAILY;BYHOUR=23;BYMINUTE=59", [](long m, date::local_days) { return m == 1'439; }},
    {"FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=15,45",
     [](long m, date::local_days) {
       return m / 60 >= 1 && m / 60 <= 3 && (m % 60 == 15 || m % 60 == 45);
     }},
    {"FREQ=HOURLY", [](long m, date::local_days) { return m % 60 == 0; }},
    {"FREQ=HOURLY;BYMINUTE=30", [](long m, date::local_days) { return m % 60 == 30; }},
    {"FREQ=HOURLY;INTERVAL=2", [](long m, date::local_days) { return m % 120 == 0; }},
    {"FREQ=HOURLY;INTERVAL=6", [](long m, date::local_days) { return m % 360 == 0; }},
    {"FREQ=MINUTELY", [](long, date::local_days) { return true; }},
    {"FREQ=MINUTELY;INTERVAL=5", [](long m, date::local_days) { return m % 5 == 0; }},
    {"FREQ=MINUTELY;INTERVAL=90", [](long m, date::local_days) { return m % 90 == 0; }},
    {"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=2;BYMINUTE=10",
     [](long m, date::local_days d) { return m == 130 && is_weekday(d); }},
    {"FREQ=WEEKLY;BYDAY=SU;BYHOUR=0,1,2,3",
     [](long m, date::local_days d) {
       return m % 60 == 0 && m <= 180 && date::weekday{d} == date::Sunday;
     }},
    {"FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=0,1",
     [](long m, date::local_days d) { return (m == 0 || m == 60) && monthday(d) == 1; }},
    {"FREQ=DAILY;BYHOUR=0,12;BYMINUTE=0,1,59",
     [](long m, date::local_days) { return m / 60 % 12 == 0 && (m % 60 <= 1 || m % 60 == 59); }},
};

bool hour_or_less(const std::string& rule) {
  return rule.find("MINUTELY") != std::string::npos
             ? rule.find("=90") == std::string::npos
             : rule.rfind("FREQ=HOURLY", 0) == 0 && rule.find("INTERVAL") == std::string::npos;
}

bool names(const TypicalRule& rule, seconds wall) {
  if (wall.count() % 60 != 0) return false;
  const local_seconds local{wall};
  const auto day = date::floor<date::days>(local);
  return rule.names((local - day).count() / 60, day);
}

// The instant is an occurrence: its wall time is named and this reading of it counts, or it stands
// for a named wall time that the change at `change` jumped over.
bool occurs(const TypicalRule& rule,
            sys_seconds instant,
            const TimeZone& zone,
            const TimeZone::Transition& change) {
  const seconds wall = instant.time_since_epoch() + zone.offset_at(instant);
  if (names(rule, wall)) {
    const seconds fold = change.before - change.after;
    const bool second_time =
        fold > seconds{0} && instant >= change.at && instant < change.at + fold;
    if (!second_time || hour_or_less(rule.text)) return true;
  }
  const seconds gap = change.after - change.before;
  return gap > seconds{0} && instant >= change.at && instant < change.at + gap &&
         names(rule, instant.time_since_epoch() + change.before);
}

std::vector<std::string> zone_names(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto name = std::filesystem::relative(entry.path(), folder).string();
    if (entry.is_regular_file() && name.find("right/") != 0 && name.find("posix/") != 0)
      found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

TEST_CASE("around every change of the clock") {
  const ZoneDatabase database;
  const bool all = std::getenv("RRULED_ALL_TRANSITIONS") != nullptr;
  std::size_t changes = 0;
  std::size_t compared = 0;
  std::size_t differing = 0;
  std::size_t turn = 0;
  for (const auto& name : zone_names(database.folder())) {
    const auto zone = database.find(name);
    if (!zone) continue;  // zone.tab and the like
    const auto start =
        start_instant(local_seconds{date::local_days{date::year{1969} / 1 / 6}}, **zone);
    std::vector<std::pair<const TypicalRule*, Recurrence>> rules;
    for (const auto& rule : kTypicalRules)
      rules.emplace_back(&rule, Recurrence::compile(rule.text, start, *zone, {}).value());
    const auto transitions =
        (*zone)->transitions(sys_seconds{}, date::sys_days{date::year{2200} / 12 / 1});
    for (std::size_t i = 0; i < transitions.size() && differing < 20; ++i) {
      if (!all && turn++ % 97 != 0) continue;
      const auto& change = transitions[i];
      ++changes;
      const sys_seconds from = date::floor<minutes>(change.at - hours{3});
      const sys_seconds to = from + hours{6};
      const bool alone = (i == 0 || transitions[i - 1].at < from - hours{3}) &&
                         (i + 1 == transitions.size() || transitions[i + 1].at > to + hours{3});
      // Whole minutes and one change at a time, which leaves out a handful.
      if (!alone || change.at.time_since_epoch().count() % 60 != 0 ||
          change.before.count() % 60 != 0 || change.after.count() % 60 != 0)
        continue;
      for (const auto& [rule, recurrence] : rules) {
        std::vector<sys_seconds> expected;
        for (auto instant = from; instant < to; instant += minutes{1}) {
          if (occurs(*rule, instant, **zone, change)) expected.push_back(instant);
        }
        std::vector<sys_seconds> found;
        for (const auto& item : recurrence.between(from, to, 1'000)) found.push_back(item.instant);
        ++compared;
        if (found != expected || recurrence.count(from, to) != expected.size()) {
          ++differing;
          FAIL_CHECK(name << " " << print(change.at) << " " << rule->text << ": found "
                          << found.size() << ", expected " << expected.size());
        }
      }
    }
  }
  CHECK(changes > 300);
  CHECK(compared > 5'000);
  WARN(compared << " comparisons around " << changes << " changes of the clock");
}

}  // namespace rruled::rrule
