#include "daemon/core/timetable.h"

#include "daemon/core/jitter.h"
#include "rrule/parse.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

rrule::DstPolicy policy_of(const store::Schedule& schedule) {
  return {
      schedule.dst_gap == store::DstGap::shift ? rrule::GapPolicy::shift : rrule::GapPolicy::skip,
      static_cast<rrule::FoldPolicy>(schedule.dst_fold)};
}

static_assert(static_cast<int>(store::DstFold::both) == static_cast<int>(rrule::FoldPolicy::both));
static_assert(static_cast<int>(store::DstFold::automatic) ==
              static_cast<int>(rrule::FoldPolicy::automatic));

}  // namespace

Timetable::Result Timetable::compile(const store::Schedule& schedule,
                                     const rrule::ZoneDatabase& zones,
                                     const CalendarFinder& calendars) {
  auto zone = zones.find(schedule.timezone);
  if (!zone) return Error{"timezone", zone.error()};
  if (!rrule::start_in_range(schedule.starts_at, **zone))
    return Error{"starts_at", {rrule::ErrorCode::bad_value, 0, std::string(kStartRange)}};
  const auto find_zone = [&zones](const std::string& name) { return zones.find(name); };
  auto recurrence = rrule::Recurrence::compile(schedule.rrule, schedule.starts_at, *zone,
                                               policy_of(schedule), find_zone);
  if (!recurrence) return Error{"rrule", recurrence.error()};
  std::shared_ptr<const ExcludedDays> days;
  if (!schedule.calendar.empty()) {
    if (calendars) days = calendars(schedule.project_id, schedule.calendar);
    if (!days)
      return Error{"calendar",
                   {rrule::ErrorCode::bad_value, 0,
                    "There is no calendar \"" + schedule.calendar + "\" that can be used"}};
  }
  return Timetable(OpenDays(std::move(*recurrence), std::move(days), schedule.calendar_action),
                   schedule.id, schedule.jitter);
}

Slot Timetable::slot(Instant scheduled_for) const {
  if (jitter_ == store::milliseconds::zero()) return {scheduled_for, scheduled_for};
  const auto following = open_days_.next(scheduled_for);
  return {scheduled_for,
          due_at(scheduled_for,
                 following ? std::optional<Instant>(following->occurrence.instant) : std::nullopt)};
}

Timestamp Timetable::due_at(Instant scheduled_for, std::optional<Instant> following) const {
  if (jitter_ == store::milliseconds::zero()) return scheduled_for;
  return Timestamp(scheduled_for) + jitter_offset(id_, scheduled_for, jitter_, following);
}

std::optional<Slot> Timetable::next(std::optional<Instant> settled_to, bool* exhausted) const {
  // No occurrence is before the start.
  const auto found =
      open_days_.next(settled_to.value_or(recurrence().starts_at() - seconds(1)), exhausted);
  return found ? std::optional<Slot>(slot(found->occurrence.instant)) : std::nullopt;
}

std::optional<Slot> Timetable::previous(Instant before, bool* exhausted) const {
  const auto found = open_days_.previous(before, exhausted);
  return found ? std::optional<Slot>(slot(found->occurrence.instant)) : std::nullopt;
}

std::optional<Slot> Timetable::first_ahead(std::optional<Instant> settled_to,
                                           Timestamp now,
                                           bool* exhausted) const {
  const Instant second = floor<seconds>(now);
  if (settled_to && *settled_to > second) return next(settled_to, exhausted);
  // Due times never pass the next occurrence, so at most one at or before `now` is still ahead.
  if (const auto last = previous(second + seconds(1));
      last && last->due_at > now && (!settled_to || last->scheduled_for > *settled_to))
    return last;
  return next(second, exhausted);
}

Instant Timetable::before_due(Timestamp from) const {
  const Timestamp just_before = from - std::chrono::milliseconds(1);
  const auto first = first_ahead(std::nullopt, just_before);
  return first ? first->scheduled_for - seconds(1) : floor<seconds>(just_before);
}

std::optional<Slot> Timetable::latest_due(std::optional<Instant> settled_to,
                                          Timestamp now,
                                          bool* exhausted) const {
  auto last = previous(floor<seconds>(now) + seconds(1), exhausted);
  if (last && last->due_at > now) last = previous(last->scheduled_for, exhausted);
  if (last && settled_to && last->scheduled_for <= *settled_to) return std::nullopt;
  return last;
}

Instant Timetable::wall(Instant instant) const {
  return instant + recurrence().zone()->offset_at(instant);
}

std::uint64_t Timetable::count(Instant from, Instant to, bool* cut_short) const {
  return from > to ? 0 : open_days_.count(from, to + seconds(1), cut_short);
}

seconds Timetable::min_distance(Instant after, int samples, bool* exhausted) const {
  if (!open_days_.moves()) return recurrence().min_distance(after, samples, exhausted);
  seconds least = seconds::max();
  auto found = open_days_.next(after, exhausted);
  for (int left = samples; found && left > 1; --left) {
    const auto before = found->occurrence.instant;
    found = open_days_.next(before, exhausted);
    if (found) least = std::min(least, found->occurrence.instant - before);
  }
  return least;
}

}  // namespace rruled::core
