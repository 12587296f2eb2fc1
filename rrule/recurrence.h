// The occurrences of a RecurrenceSet that starts at an instant and lives in a zone: a strictly
// increasing sequence of instants, found from any point by arithmetic (the cost does not depend on
// the distance from the start). Immutable, cheap to copy (a shared pointer), thread-safe, pure:
// reads no clock.
//
//   auto utc = TimeZone::utc();
//   auto daily = Recurrence::compile("FREQ=DAILY", sys_days{2026_y / 1 / 1} + 9h, utc, {});
//   if (!daily) return daily.error().detail;
//   auto next = daily->next(now);                        // strictly after now, or nullopt at the
//   end
//
// Expansion is in wall-clock time. A wall time that the zone's clock jumps over or shows twice
// follows the DstPolicy (RFC 5545 3.3.5 for GapPolicy::shift and FoldPolicy::first). The last year
// is kYearMax.
#pragma once

#include "rrule/recurrence_set.h"
#include "rrule/result.h"
#include "rrule/time_zone.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::rrule {

inline constexpr int kYearMin = 1601;
inline constexpr int kYearMax = 2200;

// A wall time that does not exist: read it with the offset before the gap, or leave it out.
enum class GapPolicy : std::uint8_t { shift, skip };

// A wall time that comes twice. automatic ("auto") is `both` where FREQ x INTERVAL is an hour or
// less, otherwise `first`.
enum class FoldPolicy : std::uint8_t { automatic, first, second, both };

struct DstPolicy {
  GapPolicy gap = GapPolicy::shift;
  FoldPolicy fold = FoldPolicy::automatic;
  friend bool operator==(const DstPolicy&, const DstPolicy&) = default;
};

[[nodiscard]] const char* to_string(GapPolicy policy);   // "shift", "skip"
[[nodiscard]] const char* to_string(FoldPolicy policy);  // "auto", "first", "second", "both"

// What a change of the clock did to an occurrence.
enum class Note : std::uint8_t { none, gap_shifted, fold_first, fold_second };
[[nodiscard]] const char* to_string(
    Note note);  // "none", "gap_shifted", "fold_first", "fold_second"

struct Occurrence {
  sys_seconds instant;
  local_seconds local;    // what the zone's clock shows at `instant`
  local_seconds nominal;  // what the rule says: differs from `local` only when gap_shifted
  Note note = Note::none;
  friend bool operator==(const Occurrence&, const Occurrence&) = default;
};

namespace detail {
class CompiledSet;
class SetSearch;
}  // namespace detail

class Recurrence {
 public:
  // Starts at `starts_at` (start_in_range()); its wall-clock reading in `zone` is DTSTART, an
  // occurrence only if a rule or date names it. Errors: a start out of range, a TZID that
  // cannot be read, a set whose first occurrence is not found within kExclusionsMax and kStepsMax,
  // or one whose COUNTs are not counted down within kStepsMax, all together. `steps`: the work of
  // earlier ones, to which this one's is added, so that many sets have kStepsMax together.
  // `find_zone` resolves the TZID of dates; without it, only the schedule's own zone and UTC are
  // known.
  using ZoneFinder =
      std::function<Result<std::shared_ptr<const TimeZone>>(const std::string& name)>;
  [[nodiscard]] static Result<Recurrence> compile(const RecurrenceSet& set,
                                                  sys_seconds starts_at,
                                                  std::shared_ptr<const TimeZone> zone,
                                                  DstPolicy policy,
                                                  const ZoneFinder& find_zone = {},
                                                  std::int64_t* steps = nullptr);
  // parse_recurrence and compile. The error of a rule points at it.
  [[nodiscard]] static Result<Recurrence> compile(std::string_view text,
                                                  sys_seconds starts_at,
                                                  std::shared_ptr<const TimeZone> zone,
                                                  DstPolicy policy,
                                                  const ZoneFinder& find_zone = {});

  // The first occurrence strictly after `after`; the last one strictly before `before`; nullopt
  // when there is none, or when the search gave up (kExclusionsMax, kStepsMax): then `exhausted`,
  // where given, becomes true, and nullopt says nothing. It is never set to false: one flag may
  // watch many searches.
  [[nodiscard]] std::optional<Occurrence> next(sys_seconds after, bool* exhausted = nullptr) const;
  [[nodiscard]] std::optional<Occurrence> previous(sys_seconds before,
                                                   bool* exhausted = nullptr) const;
  [[nodiscard]] std::optional<Occurrence> first() const;

  // Occurrences in [from, to), in order, at most `limit` of them.
  [[nodiscard]] std::vector<Occurrence> between(sys_seconds from,
                                                sys_seconds to,
                                                std::size_t limit) const;

  // How many occurrences lie in [from, to). Counts whole days and periods, so a year of seconds is
  // quick. A set of several rules, or with an EXRULE, is walked. Where kStepsMax ends it, there are
  // at least so many, and `cut_short`, where given, becomes true. `steps`: the work of earlier
  // counts, to which this one is added, so that many have kStepsMax together.
  [[nodiscard]] std::uint64_t count(sys_seconds from,
                                    sys_seconds to,
                                    bool* cut_short = nullptr,
                                    std::int64_t* steps = nullptr) const;

  // The instants, in order, that a wall-clock time has by policy(), as an RDATE would (a daily
  // rule, semantics.md 2.7): none in a gap that is skipped, two in a fold of which both count; none
  // before the start.
  [[nodiscard]] std::vector<Occurrence> readings(local_seconds local) const;

  // Whether what comes at `instant` is wanted though its wall time came before: in both readings of
  // a fold (of a set, one of its rules that names it has that policy), or as a date that is an
  // instant (RDATE with Z, or with a TZID that is not zone()'s).
  [[nodiscard]] bool repeats_wall(sys_seconds instant) const;

  // True when nothing matches from the start to the end of kYearMax: proved by search at compile
  // time.
  [[nodiscard]] bool never() const { return !first().has_value(); }

  // The smallest distance among the next `samples` occurrences after `after`; seconds::max() if
  // fewer than two. `exhausted`: as with next().
  [[nodiscard]] std::chrono::seconds min_distance(sys_seconds after,
                                                  int samples,
                                                  bool* exhausted = nullptr) const;

  [[nodiscard]] sys_seconds starts_at() const;
  [[nodiscard]] const std::shared_ptr<const TimeZone>& zone() const;
  [[nodiscard]] DstPolicy policy() const;

  // Bytes that one compiled recurrence holds, its zone not counted.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  friend class OccurrenceIterator;
  // `costly`: becomes the number of the rule with which counting was given up, the exclude_rules
  // counted after the rules.
  [[nodiscard]] static Result<Recurrence> build(const RecurrenceSet& set,
                                                sys_seconds starts_at,
                                                std::shared_ptr<const TimeZone> zone,
                                                DstPolicy policy,
                                                const ZoneFinder& find_zone,
                                                std::int64_t& steps,
                                                std::optional<std::size_t>& costly);
  explicit Recurrence(std::shared_ptr<const detail::CompiledSet> compiled);
  std::shared_ptr<const detail::CompiledSet> compiled_;
};

// Candidates that one search drops because of exclusions before it gives up (see
// OccurrenceIterator::exhausted).
inline constexpr int kExclusionsMax = 50'000;

// Work of one search or count through a set, or of counting its COUNTs down when it is compiled,
// after which it gives up, too: rules asked, periods, weeks and days passed over. Some tens of
// milliseconds.
inline constexpr int kStepsMax = 1'000'000;

// What each occurrence that an OccurrenceIterator has found adds to the kStepsMax that all its
// searches have together.
inline constexpr int kStepsEach = 20'000;

// Whether a recurrence may start at `instant`: that is in the years kYearMin to kYearMax, and so is
// what the zone's clock shows then.
[[nodiscard]] bool start_in_range(sys_seconds instant, const TimeZone& zone);

// The instant of a start given as wall time: in a gap the offset before it, in a fold the first
// reading.
[[nodiscard]] sys_seconds start_instant(local_seconds local, const TimeZone& zone);

}  // namespace rruled::rrule
