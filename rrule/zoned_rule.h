// One rule in a zone: a LocalRule's wall-clock times become instants, cut by the start, UNTIL and
// COUNT. Strictly increasing, whatever the zone's clock does. Immutable once built; the zone must
// outlive it. Internal to rrule.
#pragma once

#include "rrule/local_rule.h"
#include "rrule/recurrence.h"

#include <cstdint>
#include <optional>

namespace rruled::rrule::detail {

// An instant as UTC seconds, and back.
constexpr std::int64_t number(sys_seconds instant) { return instant.time_since_epoch().count(); }
constexpr sys_seconds instant_at(std::int64_t number) { return sys_seconds{seconds{number}}; }

inline constexpr std::int64_t kOffsetMax = 26 * 3600;  // of a zone from UTC: TZif's bound

// What every rule of a set shares.
struct Frame {
  const TimeZone* zone;
  std::int64_t starts_at;  // UTC seconds
  DstPolicy policy;
};

class ZonedRule {
 public:
  // `steps` grows by the work of counting COUNT down, which ends at kStepsMax: then the rule is not
  // to be used.
  ZonedRule(const Rule& rule, const Frame& frame, Steps& steps);

  // From now on what it covers as an exclusion: every reading of its wall times, up to the one at
  // which it ends by the frame's policy.
  void exclude(const Rule& rule, const Frame& frame);

  [[nodiscard]] std::optional<Occurrence> next(const Frame& frame, std::int64_t after) const {
    Steps ignored = 0;
    return next(frame, after, ignored);
  }
  [[nodiscard]] std::optional<Occurrence> previous(const Frame& frame, std::int64_t before) const {
    Steps ignored = 0;
    return previous(frame, before, ignored);
  }
  // `steps` grows by the work done.
  [[nodiscard]] std::optional<Occurrence> next(const Frame& frame,
                                               std::int64_t after,
                                               Steps& steps) const;
  [[nodiscard]] std::optional<Occurrence> previous(const Frame& frame,
                                                   std::int64_t before,
                                                   Steps& steps) const;
  // At least so many when it is over.
  [[nodiscard]] std::uint64_t count(const Frame& frame,
                                    std::int64_t from,
                                    std::int64_t to,
                                    Counting& counting) const;
  [[nodiscard]] bool contains(const Frame& frame, std::int64_t instant) const;

  // UTC seconds of the last occurrence that there may be; up to where there may be any, but for
  // what a gap shifted or a fold shows again after that.
  [[nodiscard]] std::int64_t end() const { return end_; }
  [[nodiscard]] std::int64_t plain_end() const { return plain_end_; }
  [[nodiscard]] const LocalRule& local() const { return local_; }
  [[nodiscard]] FoldPolicy fold() const { return fold_; }  // never automatic

  // The stretch [from, to) of instants, with one offset, where wall-clock times and instants match
  // one to one.
  struct Plain {
    std::int64_t to;
    std::int64_t offset;
  };
  [[nodiscard]] Plain plain_from(const Frame& frame, std::int64_t from) const;

 private:
  struct Stretch;
  [[nodiscard]] Stretch stretch_at(const Frame& frame, std::int64_t instant) const;
  [[nodiscard]] std::optional<Occurrence> next_near_change(const Frame& frame,
                                                           std::int64_t from,
                                                           Steps& steps) const;
  [[nodiscard]] std::optional<Occurrence> next_in(const Stretch& stretch,
                                                  std::int64_t from,
                                                  Steps& steps) const;
  [[nodiscard]] std::optional<Occurrence> previous_in(const Stretch& stretch,
                                                      std::int64_t from,
                                                      Steps& steps) const;
  [[nodiscard]] std::int64_t count_in(const Stretch& stretch,
                                      std::int64_t from,
                                      std::int64_t to,
                                      Counting& counting) const;
  void set_until(const Until& until, const Frame& frame);
  void place_start(const Frame& frame);
  void count_down(const Frame& frame, std::uint64_t count, Counting& counting);
  [[nodiscard]] bool never_counts_to(const Frame& frame,
                                     std::uint64_t count,
                                     Counting& counting) const;

  LocalRule local_;
  std::int64_t end_;
  std::int64_t plain_end_;  // before end_ where UNTIL is in a gap, or an exclusion ends in a fold
  FoldPolicy fold_;         // never automatic
  // The start's wall time comes twice and the policy would read it as the other instant: the start
  // is an occurrence all the same, and that other reading is none.
  bool start_stands_ = false;
  std::int64_t start_twin_ = 0;
};

}  // namespace rruled::rrule::detail
