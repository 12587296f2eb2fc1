#pragma once

#include "daemon/cli/output.h"
#include "daemon/core/preview.h"
#include "daemon/core/schedule_json.h"
#include "rrule/zone_database.h"
#include "store/store.h"

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::cli {

inline constexpr std::string_view kGaveUp =
    "The search gave up: too many occurrences in a row are excluded.";

// One schedule's occurrences for people: the rule in words, its canonical form, a line for each.
void print_preview(std::ostream& out,
                   const core::PreviewRequest& request,
                   const core::Preview& preview,
                   store::Timestamp now);

// The same as an object (json) or one occurrence a line (jsonl).
void print_preview_json(std::ostream& out,
                        Format format,
                        const core::PreviewRequest& request,
                        const core::Preview& preview);

// "every day at 09:00 Europe/Prague"
[[nodiscard]] std::string rule_in_words(const store::Schedule& schedule,
                                        const rrule::ZoneDatabase& zones);

// What a change of the clock did to an occurrence, for people; "" when nothing.
[[nodiscard]] std::string note_text(const rrule::Occurrence& occurrence);
[[nodiscard]] std::string note_text(const core::PreviewItem& item);

// Occurrences of many schedules, of flows that can fire, that are due from `from` (inclusive) to
// `to` (exclusive), in order of due time, those at one time by schedule.
struct Upcoming {
  core::PreviewItem item;
  const store::Schedule* schedule;
};
struct Merged {
  std::vector<Upcoming> list;
  std::vector<const store::Schedule*> lost;  // whose search gave up: they may have more
};
[[nodiscard]] Merged merged(const std::vector<store::Schedule>& schedules,
                            const core::ScheduleRules& rules,
                            store::Instant from,
                            std::optional<store::Instant> to,
                            std::size_t count);

// JSON lines in, JSON lines out, in the same order; each answer is written before the next question
// is read. A line that cannot be answered gives an error object and stops nothing.
void preview_batch(std::istream& in, std::ostream& out, const rrule::ZoneDatabase& zones);

}  // namespace rruled::cli
