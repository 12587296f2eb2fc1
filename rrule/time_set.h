// The times of day that a rule names: hours x (minutes x seconds), or hours x a list of seconds of
// the hour, or a list of seconds of the day (what BYSETPOS left over). Value type, immutable once
// built. Internal to rrule.
#pragma once

#include "rrule/rule.h"

#include <cstdint>
#include <vector>

namespace rruled::rrule::detail {

class TimeSet {
 public:
  static constexpr int kNone = -1;
  static constexpr std::uint32_t kAllHours = (1U << 24) - 1;
  static constexpr std::uint64_t kAllSixty = (std::uint64_t{1} << 60) - 1;

  // The time parts of `rule`; missing ones that its FREQ does not step through come from `start`, a
  // second of the day. BYSETPOS of rules up to DAILY is applied, since there it chooses the same
  // times always.
  TimeSet(const Rule& rule, int start);

  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Seconds of the day, 0 to 86399. kNone when there is none.
  [[nodiscard]] int first() const { return first_; }
  [[nodiscard]] int last() const { return last_; }
  [[nodiscard]] int next(int from) const;      // the first >= from
  [[nodiscard]] int previous(int from) const;  // the last <= from
  [[nodiscard]] int rank(int before) const;    // how many < before, 0 to 86400
  [[nodiscard]] int nth(int index) const;      // 0 to size() - 1

  // Drops the times that a step of `interval` units (3600, 60 or 1 s) from `anchor` never meets,
  // whatever the day. `anchor` counts units from 1970. Only for rules without a list.
  void keep_reachable(int unit, std::int64_t interval, std::int64_t anchor);

  [[nodiscard]] std::uint32_t hours() const { return hours_; }
  [[nodiscard]] std::uint64_t minutes() const { return minutes_; }
  [[nodiscard]] std::uint64_t seconds() const { return seconds_; }
  [[nodiscard]] bool listed() const { return !list_.empty(); }
  // Listed as times of the day: hours() and minutes() say nothing then.
  [[nodiscard]] bool of_day() const { return day_list_; }
  // Every time of this set is one of `other`.
  [[nodiscard]] bool within(const TimeSet& other) const;
  [[nodiscard]] int first_in_hour() const { return first_in_hour_; }
  [[nodiscard]] std::size_t heap_bytes() const { return list_.capacity() * sizeof(int); }

 private:
  void measure();
  void choose_positions(const Rule& rule);
  [[nodiscard]] int next_in_hour(int from) const;
  [[nodiscard]] int previous_in_hour(int from) const;
  [[nodiscard]] int rank_in_hour(int before) const;
  [[nodiscard]] int nth_in_hour(int index) const;

  std::uint64_t minutes_ = 0;
  std::uint64_t seconds_ = 0;
  std::uint32_t hours_ = 0;
  bool day_list_ = false;  // list_ holds seconds of the day, else of the hour
  int size_ = 0;
  int hour_size_ = 0;
  int first_ = kNone;
  int last_ = kNone;
  int first_in_hour_ = kNone;
  int last_in_hour_ = kNone;
  std::vector<int> list_;
};

}  // namespace rruled::rrule::detail
