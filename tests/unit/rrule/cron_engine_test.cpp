// Cron expressions through the recurrence engine against a minute-by-minute reading of the five
// fields.
#include "rrule/cron.h"
#include "rrule/recurrence.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <vector>

using namespace rruled::rrule;
using namespace date::literals;
using namespace std::chrono_literals;

namespace {

// "*", "*/2", "3", "3-9", "3-9/2", and lists of them: numbers only.
bool field_matches(const std::string& field, int value, int low, int high) {
  std::istringstream items(field);
  std::string item;
  while (std::getline(items, item, ',')) {
    int first = low;
    int last = high;
    int step = 1;
    if (item[0] == '*') {
      (void)std::sscanf(item.c_str(), "*/%d", &step);
    } else if (std::sscanf(item.c_str(), "%d-%d/%d", &first, &last, &step) == 1) {
      last = first;
    }
    if (value >= first && value <= last && (value - first) % step == 0) return true;
  }
  return false;
}

struct Expression {
  std::string minute, hour, month_day, month, weekday;

  [[nodiscard]] std::string text() const {
    return minute + " " + hour + " " + month_day + " " + month + " " + weekday;
  }

  [[nodiscard]] bool matches_day(date::local_days day) const {
    const date::year_month_day ymd{day};
    const int c = static_cast<int>(date::weekday{day}.c_encoding());
    const bool by_day =
        field_matches(weekday, c, 0, 7) || (c == 0 && field_matches(weekday, 7, 0, 7));
    const bool by_date = field_matches(month_day, static_cast<int>(unsigned{ymd.day()}), 1, 31);
    const bool in_month = field_matches(month, static_cast<int>(unsigned{ymd.month()}), 1, 12);
    const bool star = month_day[0] == '*' || weekday[0] == '*';
    return in_month && (star ? by_day && by_date : by_day || by_date);
  }
};

std::vector<sys_seconds> by_hand(const Expression& cron,
                                 date::local_days from,
                                 date::local_days to) {
  std::vector<int> minutes;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    if (field_matches(cron.minute, minute % 60, 0, 59) &&
        field_matches(cron.hour, minute / 60, 0, 23)) {
      minutes.push_back(minute);
    }
  }
  std::vector<sys_seconds> result;
  for (auto day = from; day < to; day += date::days{1}) {
    if (!cron.matches_day(day)) continue;
    for (const int minute : minutes) {
      result.emplace_back(day.time_since_epoch() + std::chrono::minutes{minute});
    }
  }
  return result;
}

std::vector<sys_seconds> by_engine(const Expression& cron, sys_seconds from, sys_seconds to) {
  const auto parsed = parse_cron(cron.text());
  REQUIRE(parsed.has_value());
  const auto compiled = Recurrence::compile(parsed->recurrence, from, TimeZone::utc(), {});
  REQUIRE(compiled.has_value());
  std::vector<sys_seconds> result;
  for (const auto& occurrence : compiled->between(from, to, 1'000'000)) {
    result.push_back(occurrence.instant);
  }
  return result;
}

class RandomCron {
 public:
  Expression next() {
    return {field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)};
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  std::string item(int low, int high) {
    const int first = pick(low, high);
    switch (pick(0, 3)) {
      case 0:
        return std::to_string(first);
      case 1:
        return std::to_string(first) + "-" + std::to_string(pick(first, high));
      case 2:
        return std::to_string(first) + "-" + std::to_string(pick(first, high)) + "/" +
               std::to_string(pick(1, high));
      default:
        return "*/" + std::to_string(pick(1, high));
    }
  }

  std::string field(int low, int high) {
    if (pick(0, 9) < 4) return "*";
    std::string list = item(low, high);
    for (int more = pick(0, 2); more > 0; --more) list += "," + item(low, high);
    return list;
  }

  std::mt19937 random_{20'260'101};
};

}  // namespace

TEST_CASE("a year of minutes: the engine fires when the fields match") {
  constexpr date::local_days from{2028_y / 1 / 1};  // a leap year
  constexpr date::local_days to{2029_y / 1 / 1};
  RandomCron random;
  std::vector<Expression> all{
      {"*/5", "9-17", "*", "*", "1-5"}, {"0", "0", "13", "*", "5"},
      {"0", "0", "*/2", "*", "1"},      {"59", "23", "31", "*", "*"},
      {"0", "12", "29", "2", "*"},      {"7-59/13", "*/7", "*", "*/5", "0,3"},
      {"0", "*", "1", "1", "7"},        {"0", "0", "1-31", "*", "1"}};
  for (int i = 0; i < 150; ++i) all.push_back(random.next());
  std::size_t fired = 0;
  for (const Expression& cron : all) {
    CAPTURE(cron.text(), parse_cron(cron.text())->recurrence);
    const auto expected = by_hand(cron, from, to);
    const auto found =
        by_engine(cron, sys_seconds{from.time_since_epoch()}, sys_seconds{to.time_since_epoch()});
    fired += found.size();
    REQUIRE(found.size() == expected.size());
    REQUIRE(std::equal(found.begin(), found.end(), expected.begin()));
  }
  CHECK(all.size() > 150);
  CHECK(fired > 100'000);
}
