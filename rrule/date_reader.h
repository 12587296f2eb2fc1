// RDATE and EXDATE values as instants. Internal to rrule.
#pragma once

#include "rrule/recurrence.h"
#include "rrule/zoned_rule.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rruled::rrule::detail {

class DateReader {
 public:
  DateReader(const Frame& frame, const Recurrence::ZoneFinder& find_zone)
      : frame_(frame), find_zone_(find_zone) {}

  // Appends what `date` stands for: nothing before the start, nothing in a gap that is skipped,
  // both readings where the policy says so. Dates count as a daily rule. One that says itself which
  // instant it is, whatever the schedule's zone, goes to `fixed`, too.
  [[nodiscard]] std::optional<ParseError> include(const DateValue& date,
                                                  std::vector<Occurrence>& to,
                                                  std::vector<std::int64_t>& fixed);
  void include_local(local_seconds local, std::vector<Occurrence>& to) const;

  // Appends every reading of `date`, which is not a whole day; nothing in a gap that is skipped.
  [[nodiscard]] std::optional<ParseError> exclude(const DateValue& date,
                                                  std::vector<std::int64_t>& to);

 private:
  // In the schedule's zone; null: the date says which instant it is.
  [[nodiscard]] const local_seconds* wall_time(const DateValue& date) const;
  void append(sys_seconds instant,
              local_seconds nominal,
              Note note,
              std::vector<Occurrence>& to) const;
  [[nodiscard]] std::optional<ParseError> zoned_instant(const ZonedTime& time, sys_seconds& to);

  const Frame& frame_;
  const Recurrence::ZoneFinder& find_zone_;
  std::shared_ptr<const TimeZone> last_zone_;  // dates of one zone mostly come together
};

}  // namespace rruled::rrule::detail
