// What a Recurrence shares: its rules in their zone and its dates as instants. Immutable once
// built, thread-safe. Internal to rrule.
#pragma once

#include "rrule/recurrence.h"
#include "rrule/zoned_rule.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace rruled::rrule::detail {

class CompiledSet {
 public:
  CompiledSet(sys_seconds starts_at, std::shared_ptr<const TimeZone> zone, DstPolicy policy);

  // Building: rules and dates first, then finish() once. `steps` grows by the work of counting the
  // rules that have a COUNT down. Gives the number of the one with which that comes to kStepsMax,
  // the exclude_rules counted after the rules: the set is not to be used then.
  [[nodiscard]] std::optional<std::size_t> add_rules(const RecurrenceSet& set, Steps& steps);
  [[nodiscard]] std::optional<ParseError> add_dates(const RecurrenceSet& set,
                                                    const Recurrence::ZoneFinder& find_zone);
  void finish();

  struct Answer {
    std::optional<Occurrence> occurrence;
    bool exhausted = false;  // kExclusionsMax candidates were excluded, or kStepsMax taken
  };
  [[nodiscard]] Answer next(std::int64_t after) const {
    Steps steps = 0;
    return next(after, steps);
  }
  [[nodiscard]] Answer next(std::int64_t after, Steps& steps) const;  // adds its work
  [[nodiscard]] Answer previous(std::int64_t before) const;
  [[nodiscard]] const Answer& first() const { return first_; }
  struct Counted {
    std::uint64_t total = 0;
    bool cut_short = false;  // by kExclusionsMax or kStepsMax: there are at least so many
  };
  [[nodiscard]] Counted count(std::int64_t from, std::int64_t to) const {
    Steps steps = 0;
    return count(from, to, steps);
  }
  // Adds its work to `steps`, and is cut short where that comes to kStepsMax.
  [[nodiscard]] Counted count(std::int64_t from, std::int64_t to, Steps& steps) const;

  // As Recurrence::repeats_wall.
  [[nodiscard]] bool repeats_wall(std::int64_t instant) const;

  // The only rule, when there is nothing else.
  [[nodiscard]] const ZonedRule* single() const { return single_ ? rules_.data() : nullptr; }
  [[nodiscard]] const Frame& frame() const { return frame_; }
  [[nodiscard]] const std::shared_ptr<const TimeZone>& zone() const { return zone_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  friend class SetSearch;
  [[nodiscard]] std::optional<Occurrence> next_candidate(std::int64_t after) const;
  [[nodiscard]] bool excluded_by_date(const Occurrence& candidate) const;
  [[nodiscard]] bool on_excluded_day(const Occurrence& candidate) const;
  [[nodiscard]] std::int64_t skip_day(const Occurrence& candidate) const;
  [[nodiscard]] std::int64_t skip_excluded(const Occurrence& candidate,
                                           const ZonedRule& by,
                                           std::int64_t end,
                                           Steps& steps) const;
  [[nodiscard]] Answer previous_by_next(std::int64_t end) const;
  [[nodiscard]] std::uint64_t count_included(std::int64_t from,
                                             std::int64_t to,
                                             Counting& counting) const;
  [[nodiscard]] std::uint64_t count_on_day(std::int64_t from,
                                           std::int64_t to,
                                           Day day,
                                           Counting& counting) const;
  [[nodiscard]] bool includes(std::int64_t instant) const;

  std::shared_ptr<const TimeZone> zone_;
  Frame frame_;
  bool single_ = false;
  std::vector<ZonedRule> rules_;
  std::vector<ZonedRule> exclude_rules_;
  std::vector<Occurrence> dates_;            // by instant
  std::vector<std::int64_t> fixed_dates_;    // ascending: those that the zone does not move
  std::vector<std::int64_t> exclude_dates_;  // ascending
  std::vector<Day> exclude_days_;            // ascending
  Answer first_;
};

}  // namespace rruled::rrule::detail
