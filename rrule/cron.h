#pragma once

#include "rrule/result.h"

#include <string>
#include <string_view>

namespace rruled::rrule {

// A cron expression as a recurrence. Pure and thread-safe.
//
//   parse_cron("30 9 * * mon-fri")->recurrence
//       -> "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9;BYMINUTE=30;BYSECOND=0"
struct CronSchedule {
  // Text for parse_recurrence: one rule, or two RRULE lines where day of month and day of week are
  // both given, since cron then means either. Names every time part, so that it does not depend on
  // the start.
  std::string recurrence;
};

// Reads five fields (minute, hour, day of month, month, day of week) or @hourly, @daily, @midnight,
// @weekly, @monthly, @yearly, @annually, as cronie does: lists, ranges, steps of ranges and of *,
// English names of three letters for months and weekdays, 0 and 7 for Sunday, ranges only upwards.
// As there, a day field that begins with * does not turn "and" into "or" ("0 0 */2 * mon": Mondays
// on odd days). Fields that begin with * give a rule of an hour or less, so that `dst_fold = auto`
// repeats the repeated hour for them and for nothing else, as cron does. Unsupported: @reboot,
// seconds, random times (~), and the L, W, #, ? of other schedulers. Error offsets count bytes of
// `text`; the detail names the field.
[[nodiscard]] Result<CronSchedule> parse_cron(std::string_view text);

}  // namespace rruled::rrule
