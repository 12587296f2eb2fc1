#pragma once

#include "daemon/core/stable_hash.h"
#include "store/ids.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace rruled::core {

// How long after `scheduled_for` an occurrence is due: in [0, `jitter`], spread evenly over
// schedules and occurrences, always the same for the same arguments. `scheduled_for` plus it is
// strictly before `next`, the occurrence that follows, when there is one; `next` must be after
// `scheduled_for`. A jitter of zero or less is none. Pure, thread-safe.
[[nodiscard]] inline std::chrono::milliseconds jitter_offset(store::ScheduleId id,
                                                             store::Instant scheduled_for,
                                                             std::chrono::milliseconds jitter,
                                                             std::optional<store::Instant> next) {
  using std::chrono::milliseconds;
  milliseconds most = jitter;
  if (next) most = std::min(most, milliseconds(*next - scheduled_for) - milliseconds(1));
  if (most <= milliseconds::zero()) return milliseconds::zero();
  const std::uint64_t hash = stable_hash(id.value, scheduled_for.time_since_epoch().count());
  const auto choices = static_cast<std::uint64_t>(most.count()) + 1;
  return milliseconds(static_cast<std::int64_t>(hash % choices));
}

}  // namespace rruled::core
