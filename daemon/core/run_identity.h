#pragma once

#include "rrule/zone_database.h"
#include "store/types.h"

#include <optional>
#include <string>

// Ids, keys and frozen bytes of runs (semantics.md, 4 and 5). Frozen for ever: a receiver's memory
// of keys outlives our versions. tests/data/idempotency_keys.txt is the golden list.
namespace rruled::core {

// UUIDv5(schedule id, "YYYY-MM-DDTHH:MM:SSZ").
[[nodiscard]] store::RunId scheduled_run_id(store::ScheduleId schedule,
                                            store::Instant scheduled_for);
// "rr1-<run id>".
[[nodiscard]] std::string idempotency_key(store::RunId run);
// "2026-01-01T09:00:00Z".
[[nodiscard]] std::string rfc3339(store::Instant instant);
// With milliseconds: "2026-01-01T09:00:00.250Z".
[[nodiscard]] std::string rfc3339(store::Timestamp timestamp);

// The flow's defaults ([{key, default}], missing default null) overlaid by the schedule's
// variables, then by a manual run's; extra keys stay. All JSON; texts that are not objects count as
// empty.
[[nodiscard]] std::string merge_variables(std::string_view flow_variables,
                                          std::string_view schedule_variables,
                                          std::string_view run_variables = "{}");

// A schedule with what runs have of its flow.
[[nodiscard]] store::DueSchedule due_schedule(store::Schedule schedule, const store::Flow& flow);

// `wall`, everywhere below: what the schedule's clock shows at the nominal time (of a manual run,
// now), for templates in its variables (templates.h); absent: UTC.

// That of the zone, whether or not the rest of the schedule can be used; absent: no such zone.
[[nodiscard]] std::optional<store::Instant> wall_time(std::string_view timezone,
                                                      const rrule::ZoneDatabase& zones,
                                                      store::Timestamp now);

// A run of `due` for one occurrence, `pending`, with variables and body frozen.
[[nodiscard]] store::Run scheduled_run(const store::DueSchedule& due,
                                       store::Instant scheduled_for,
                                       store::Timestamp due_at,
                                       store::Timestamp now,
                                       std::optional<store::Instant> wall = std::nullopt);

// The same for a backfill: its id is of the backfill and `scheduled_for`, it is due at `now`.
[[nodiscard]] store::Run backfilled_run(const store::DueSchedule& due,
                                        store::ParentId backfill,
                                        store::Instant scheduled_for,
                                        store::Timestamp now,
                                        std::optional<store::Instant> wall = std::nullopt);

// A run that a person asked for: of a schedule (`due` complete) or of a flow alone.
[[nodiscard]] store::Run manual_run(const store::DueSchedule& due,
                                    bool of_schedule,
                                    store::RunId id,
                                    std::string_view run_variables,
                                    store::Timestamp now,
                                    std::optional<store::Instant> wall = std::nullopt);

}  // namespace rruled::core
