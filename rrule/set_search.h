// One search through a CompiledSet, forward or back. Each rule keeps the occurrence that it is at,
// so one is asked again only when the search has passed that. Internal to rrule.
#pragma once

#include "rrule/compiled_set.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace rruled::rrule::detail {

class SetSearch {
 public:
  enum class Direction : std::uint8_t { forward, back };

  // Begins beyond `from` (exclusive), with the work of others before it in `steps`; gives up when
  // that and its own come to kStepsMax. `set` outlives the search.
  SetSearch(const CompiledSet& set, Direction direction, std::int64_t from, Steps steps = 0);

  [[nodiscard]] Steps steps() const { return steps_; }
  // Gives up at so many steps instead.
  void allow(Steps steps_max) { steps_max_ = steps_max; }

  // The next occurrence of the search that is before `end` (forward) or after it (back). Gives up
  // when `excluded_max` candidates in a row were excluded.
  [[nodiscard]] CompiledSet::Answer next(std::int64_t end, int excluded_max);

  // Begins again beyond `from`, with what it knows of the rules.
  void restart(std::int64_t from);

 private:
  // Instants are counted in the direction of the search here: less is nearer.
  struct Held {
    std::int64_t at;
    std::size_t rule;
    friend auto operator<=>(const Held&, const Held&) = default;
  };
  // Beyond `asked` nothing comes before `at`.
  struct Known {
    std::int64_t asked;
    std::int64_t at;
    Occurrence found;  // it is there, unless there is none
  };
  // Several rules, and the ones that have something, the nearest first.
  struct Asked {
    std::vector<Known> known;
    std::vector<Held> heap;
  };

  void ask_nearest(Asked& asked, const std::vector<ZonedRule>& rules, std::int64_t beyond);
  void restart(Asked& asked) const;
  [[nodiscard]] std::optional<Occurrence> candidate();
  [[nodiscard]] const ZonedRule* excluding_rule(const Occurrence& candidate);
  [[nodiscard]] std::optional<Occurrence> nearest_date() const;
  // Counted in the direction of the search.
  [[nodiscard]] std::int64_t ahead(std::int64_t instant) const {
    return direction_ == Direction::forward ? instant : -instant;
  }

  const CompiledSet& set_;
  const Direction direction_;
  std::int64_t from_ = 0;
  Steps steps_;
  Steps steps_max_ = kStepsMax;
  Asked including_;  // rules_; those not beyond from_ are to be asked
  Asked excluding_;  // exclude_rules_; those before the candidate are to be asked
  bool gave_up_ = false;
};

}  // namespace rruled::rrule::detail
