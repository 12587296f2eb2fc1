#include "rrule/date_reader.h"

namespace rruled::rrule::detail {
namespace {

local_seconds start_local(const Frame& frame) {
  return frame.zone->to_local(sys_seconds{seconds{frame.starts_at}});
}

}  // namespace

std::optional<ParseError> DateReader::include(const DateValue& date,
                                              std::vector<Occurrence>& to,
                                              std::vector<std::int64_t>& fixed) {
  if (const auto* day = std::get_if<date::local_days>(&date)) {
    const auto start = start_local(frame_);
    include_local(*day + (start - date::floor<date::days>(start)), to);
  } else if (const auto* local = wall_time(date)) {
    include_local(*local, to);
  } else {
    sys_seconds instant{};
    if (const auto* zoned = std::get_if<ZonedTime>(&date)) {
      if (auto error = zoned_instant(*zoned, instant)) return error;
    } else {
      instant = std::get<sys_seconds>(date);
    }
    append(instant, frame_.zone->to_local(instant), Note::none, to);
    fixed.push_back(number(instant));
  }
  return std::nullopt;
}

void DateReader::include_local(local_seconds local, std::vector<Occurrence>& to) const {
  const Resolved reading = frame_.zone->resolve(local);
  const FoldPolicy fold = frame_.policy.fold;
  switch (reading.kind) {
    case Resolved::Kind::unique:
      return append(reading.earlier, local, Note::none, to);
    case Resolved::Kind::gap:
      if (frame_.policy.gap == GapPolicy::shift)
        append(reading.later, local, Note::gap_shifted, to);
      return;
    case Resolved::Kind::fold: {
      // The start's own wall time is the start, whatever the policy.
      const bool is_start = local == start_local(frame_) && fold != FoldPolicy::both;
      const sys_seconds start{seconds{frame_.starts_at}};
      if (is_start ? reading.earlier == start : fold != FoldPolicy::second) {
        append(reading.earlier, local, Note::fold_first, to);
      }
      if (is_start ? reading.later == start
                   : fold == FoldPolicy::second || fold == FoldPolicy::both) {
        append(reading.later, local, Note::fold_second, to);
      }
      return;
    }
  }
}

void DateReader::append(sys_seconds instant,
                        local_seconds nominal,
                        Note note,
                        std::vector<Occurrence>& to) const {
  const std::int64_t number = instant.time_since_epoch().count();
  if (number < frame_.starts_at || number >= midnight(kDayMax + 1)) return;
  to.push_back({instant, frame_.zone->to_local(instant), nominal, note});
}

std::optional<ParseError> DateReader::exclude(const DateValue& date,
                                              std::vector<std::int64_t>& to) {
  sys_seconds instant{};
  if (const auto* local = wall_time(date)) {
    const Resolved reading = frame_.zone->resolve(*local);
    // It names no instant: the one that a shift would give is of another wall time.
    if (reading.kind == Resolved::Kind::gap && frame_.policy.gap == GapPolicy::skip)
      return std::nullopt;
    if (reading.kind == Resolved::Kind::fold)
      to.push_back(reading.earlier.time_since_epoch().count());
    instant = reading.later;
  } else if (const auto* zoned = std::get_if<ZonedTime>(&date)) {
    if (auto error = zoned_instant(*zoned, instant)) return error;
  } else {
    instant = std::get<sys_seconds>(date);
  }
  to.push_back(instant.time_since_epoch().count());
  return std::nullopt;
}

// A TZID that is the schedule's zone says no more than none: the DST policy applies.
const local_seconds* DateReader::wall_time(const DateValue& date) const {
  if (const auto* zoned = std::get_if<ZonedTime>(&date))
    return zoned->zone == frame_.zone->name() ? &zoned->local : nullptr;
  return std::get_if<local_seconds>(&date);
}

std::optional<ParseError> DateReader::zoned_instant(const ZonedTime& time, sys_seconds& to) {
  if (!last_zone_ || last_zone_->name() != time.zone) {
    if (time.zone == "UTC") {
      last_zone_ = TimeZone::utc();
    } else if (!find_zone_) {
      return ParseError{
          ErrorCode::unknown_zone, 0,
          "TZID=" + time.zone + " differs from the schedule's " + frame_.zone->name()};
    } else {
      auto zone = find_zone_(time.zone);
      if (!zone) return ParseError{ErrorCode::unknown_zone, 0, zone.error().detail};
      last_zone_ = *zone;
    }
  }
  to = start_instant(time.local, *last_zone_);
  return std::nullopt;
}

}  // namespace rruled::rrule::detail
