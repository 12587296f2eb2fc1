#pragma once

#include "rrule/result.h"

#include <date/date.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::rrule {

struct OffsetChange;  // of a TZif file: tzif.h

using date::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

// What a wall-clock time means in a zone (RFC 5545 3.3.5).
//   unique  one instant: earlier == later
//   gap     the clock jumps over it; `earlier` is read with the offset after the gap, `later`
//           with the one before it (02:30 in New York's spring night: 06:30Z and 07:30Z, shown as
//           01:30 and 03:30)
//   fold    the clock shows it twice: `earlier` is the first reading, `later` the second
struct Resolved {
  enum class Kind : std::uint8_t { unique, gap, fold };
  Kind kind = Kind::unique;
  sys_seconds earlier;
  sys_seconds later;
};

// One IANA zone, immutable. Reads TZif version 1 to 4 with its footer rule (RFC 8536), so that
// times after the last stored transition follow the rule too. Covers the years 1970 to 2200 (both
// inclusive); instants outside take the nearest offset. Zones that count leap seconds ("right/")
// are refused. Thread-safe: shared by const pointer. Lookups allocate nothing and take a few
// nanoseconds.
//
//   const auto zone = TimeZone::parse("Europe/Prague", bytes_of_the_file);
//   const Resolved when = (*zone)->resolve(local_days{2026_y / 3 / 29} + 2h + 30min);   // gap
class TimeZone {
 public:
  // `bytes` is a whole TZif file. Errors name the byte offset of what is wrong with the file.
  [[nodiscard]] static Result<std::shared_ptr<const TimeZone>> parse(std::string name,
                                                                     std::string_view bytes);
  [[nodiscard]] static std::shared_ptr<const TimeZone> utc();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] seconds offset_at(sys_seconds instant) const;
  [[nodiscard]] local_seconds to_local(sys_seconds instant) const;
  [[nodiscard]] Resolved resolve(local_seconds local) const;

  // The stretch of constant offset [begin, end) that holds `instant`; neighbours differ in offset.
  // The first begins at -kEver and the last ends at kEver; there `before` or `after` is `offset`
  // itself.
  struct Segment {
    sys_seconds begin;
    sys_seconds end;
    seconds offset;
    seconds before;
    seconds after;
  };
  static constexpr seconds kEver{std::int64_t{1} << 60};
  [[nodiscard]] Segment segment_at(sys_seconds instant) const;

  // Transitions in (from, to], in order: where the offset changes. Changes of name or DST flag
  // alone are not listed.
  struct Transition {
    sys_seconds at;
    seconds before;
    seconds after;
  };
  [[nodiscard]] std::vector<Transition> transitions(sys_seconds from, sys_seconds to) const;

  // True when both read every instant the same. Names are not compared.
  [[nodiscard]] bool same_times(const TimeZone& other) const;

 private:
  // A stretch of time, up to the next span's start, that reads the same throughout. 16 bytes: four
  // to a cache line. On the UTC axis both offsets are equal.
  struct Span {
    std::int64_t start;
    std::int32_t earlier;           // offset that gives Resolved::earlier
    std::int32_t later_times_four;  // that of Resolved::later, and the kind in the low bits
  };

  // Spans of one time axis, with an index that finds the right one in a step or two.
  class Axis {
   public:
    // 1970 to 2200 with room for offsets: 1969-12-30 to 2201-01-04, in stretches of 48.5 days.
    static constexpr std::int64_t kFirst = -2 * 86'400;
    static constexpr std::int64_t kEnd = 7'289'654'400 + 3 * 86'400;
    static constexpr int kShift = 22;
    static constexpr std::size_t kStretches = ((kEnd - kFirst) >> kShift) + 1;

    // Takes spans in order; the first one covers everything before the second.
    explicit Axis(std::vector<Span> spans);
    [[nodiscard]] const Span& at(std::int64_t time) const;
    [[nodiscard]] const Span* begin() const { return spans_.data(); }
    [[nodiscard]] const Span* end() const { return spans_.data() + spans_.size() - kSentinels; }

   private:
    static constexpr std::size_t kSentinels = 2;
    std::vector<Span> spans_;
    std::array<std::uint16_t, kStretches> first_in_stretch_;
  };

  TimeZone(std::string name, std::vector<Span> utc);
  [[nodiscard]] static std::vector<Span> utc_spans(const std::vector<OffsetChange>& changes);
  [[nodiscard]] static std::vector<Span> local_spans(const std::vector<Span>& utc);
  [[nodiscard]] static Span read_local(const std::vector<Span>& utc, std::int64_t local);

  std::string name_;
  Axis utc_;
  Axis local_;
};

inline const TimeZone::Span& TimeZone::Axis::at(std::int64_t time) const {
  // Also keeps sys_seconds::max() and the like away from the sentinels.
  time = std::clamp(time, kFirst, kEnd);
  const Span* span =
      spans_.data() + first_in_stretch_[static_cast<std::size_t>((time - kFirst) >> kShift)];
  // A stretch rarely holds more than one transition, which is two steps on the local axis: those
  // are taken without a branch to mispredict. The sentinels end every walk.
  span += (span[1].start <= time ? 1 : 0) + (span[2].start <= time ? 1 : 0);
  while (span[1].start <= time) ++span;
  return *span;
}

inline seconds TimeZone::offset_at(sys_seconds instant) const {
  return seconds{utc_.at(instant.time_since_epoch().count()).earlier};
}

inline local_seconds TimeZone::to_local(sys_seconds instant) const {
  return local_seconds{instant.time_since_epoch() + offset_at(instant)};
}

inline TimeZone::Segment TimeZone::segment_at(sys_seconds instant) const {
  const Span& span = utc_.at(instant.time_since_epoch().count());
  const bool first = &span == utc_.begin();
  const bool last = &span + 1 == utc_.end();
  return {sys_seconds{first ? -kEver : seconds{span.start}},
          sys_seconds{last ? kEver : seconds{(&span)[1].start}}, seconds{span.earlier},
          seconds{first ? span.earlier : (&span)[-1].earlier},
          seconds{last ? span.earlier : (&span)[1].earlier}};
}

inline Resolved TimeZone::resolve(local_seconds local) const {
  const seconds wall = local.time_since_epoch();
  const Span& span = local_.at(wall.count());
  return {static_cast<Resolved::Kind>(span.later_times_four & 3),
          sys_seconds{wall - seconds{span.earlier}},
          sys_seconds{wall - seconds{span.later_times_four >> 2}}};
}

}  // namespace rruled::rrule
