#pragma once

#include "daemon/core/json_text.h"
#include "rrule/time_zone.h"
#include "rrule/zone_database.h"
#include "store/objects.h"

#include <boost/json/object.hpp>
#include <date/date.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The days of a named calendar (store::Calendar::days), on which schedules that name it do not run.
//
//   {"dates": ["2026-12-24", ..],
//    "rules": [{"rrule": "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25",
//               "starts_on": "2000-01-01", "timezone": "UTC", "days": 1}, ..]}
//
// A day has no zone: it is the date on the wall clock of the schedule that names the calendar. A
// rule excludes every day on which it has an occurrence, and so many `days` from there; `timezone`
// matters only for dates with a zone of their own inside it (from a calendar file). Pure; values do
// not change: any thread.
namespace rruled::core {

class ExcludedDays {
 public:
  // Days from the year 1970 to 2200; others are not excluded. Errors name the field below `days`.
  // The work is bounded: rules that name too many days are an error.
  [[nodiscard]] static FieldResult<std::shared_ptr<const ExcludedDays>> compile(
      std::string_view days, const rrule::ZoneDatabase& zones);

  [[nodiscard]] bool has(date::local_days day) const;
  // The first day at or after `day`, the last one at or before it, that is not excluded; none in
  // the years that are known.
  [[nodiscard]] std::optional<date::local_days> open_from(date::local_days day) const;
  [[nodiscard]] std::optional<date::local_days> open_to(date::local_days day) const;
  // Excluded ones in [from, to], at most `limit`.
  [[nodiscard]] std::vector<date::local_days> between(date::local_days from,
                                                      date::local_days to,
                                                      std::size_t limit) const;

 private:
  void add(date::local_days from, date::local_days to);  // [from, to)

  std::vector<bool> days_;  // from kFirst on
};

// How the calendar of a project is found by who has a store; empty: there is none.
using CalendarFinder = std::function<std::shared_ptr<const ExcludedDays>(std::int64_t project,
                                                                         const std::string& name)>;

inline constexpr std::size_t kCalendarNameMax = 200;  // code points
inline constexpr std::size_t kCalendarDatesMax = 20'000;
inline constexpr std::size_t kCalendarRulesMax = 1'000;

// The Calendar object of the API: {"name","note","dates","rules"}; a rule may be a text. What is
// absent stays as it is in `base`. The name of a new one (`base` has no days) has no slash, no
// backslash and no control character. Days come out in their canonical form.
[[nodiscard]] FieldResult<store::Calendar> calendar_from_json(const boost::json::object& object,
                                                              const store::Calendar& base,
                                                              bool name_required,
                                                              const rrule::ZoneDatabase& zones,
                                                              store::Timestamp now);
// {"name","note","dates","rules","created_at","updated_at","version"}
[[nodiscard]] boost::json::object to_json(const store::Calendar& calendar);

}  // namespace rruled::core
