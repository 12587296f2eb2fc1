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
                                     const rrule::ZoneDatabase& zones) {
  auto zone = zones.find(schedule.timezone);
  if (!zone) return Error{"timezone", zone.error()};
  const auto find_zone = [&zones](const std::string& name) { return zones.find(name); };
  auto recurrence = rrule::Recurrence::compile(schedule.rrule, schedule.starts_at, *zone,
                                               policy_of(schedule), find_zone);
  if (!recurrence) return Error{"rrule", recurrence.error()};
  return Timetable(std::move(*recurrence), schedule.id, schedule.jitter);
}

Slot Timetable::slot(Instant scheduled_for) const {
  if (jitter_ == store::milliseconds::zero()) return {scheduled_for, scheduled_for};
  const auto following = recurrence_.next(scheduled_for);
  const auto offset =
      jitter_offset(id_, scheduled_for, jitter_,
                    following ? std::optional<Instant>(following->instant) : std::nullopt);
  return {scheduled_for, Timestamp(scheduled_for) + offset};
}

std::optional<Slot> Timetable::next(std::optional<Instant> settled_to) const {
  const auto occurrence = settled_to ? recurrence_.next(*settled_to) : recurrence_.first();
  return occurrence ? std::optional<Slot>(slot(occurrence->instant)) : std::nullopt;
}

std::optional<Slot> Timetable::previous(Instant before) const {
  const auto occurrence = recurrence_.previous(before);
  return occurrence ? std::optional<Slot>(slot(occurrence->instant)) : std::nullopt;
}

std::optional<Slot> Timetable::first_ahead(std::optional<Instant> settled_to, Timestamp now) const {
  const Instant second = floor<seconds>(now);
  if (settled_to && *settled_to > second) return next(settled_to);
  // Due times never pass the next occurrence, so at most one at or before `now` is still ahead.
  if (const auto last = previous(second + seconds(1));
      last && last->due_at > now && (!settled_to || last->scheduled_for > *settled_to))
    return last;
  return next(second);
}

std::optional<Slot> Timetable::latest_due(std::optional<Instant> settled_to, Timestamp now) const {
  auto last = previous(floor<seconds>(now) + seconds(1));
  if (last && last->due_at > now) last = previous(last->scheduled_for);
  if (last && settled_to && last->scheduled_for <= *settled_to) return std::nullopt;
  return last;
}

Instant Timetable::wall(Instant instant) const {
  return instant + recurrence_.zone()->offset_at(instant);
}

std::uint64_t Timetable::count(Instant from, Instant to) const {
  return from > to ? 0 : recurrence_.count(from, to + seconds(1));
}

}  // namespace rruled::core
