#pragma once

#include "store/store.h"

#include <cstdint>
#include <optional>

// What every store says of a ChangeSet that it does not write.
namespace rruled::store {

[[nodiscard]] inline Conflict conflict_of(Conflict::Kind kind, FlowId id) {
  return {.kind = kind, .flow_id = id, .schedule_id = {}, .run_id = {}};
}
[[nodiscard]] inline Conflict conflict_of(Conflict::Kind kind, ScheduleId id) {
  return {.kind = kind, .flow_id = {}, .schedule_id = id, .run_id = {}};
}
[[nodiscard]] inline Conflict conflict_of(Conflict::Kind kind, RunId id) {
  return {.kind = kind, .flow_id = {}, .schedule_id = {}, .run_id = id};
}
[[nodiscard]] inline Conflict conflict_of(Conflict::Kind kind, const CalendarName& name) {
  return {.kind = kind, .flow_id = {}, .schedule_id = {}, .run_id = {}, .calendar = name};
}
[[nodiscard]] inline Conflict conflict_of(Conflict::Kind kind, ParentId id) {
  return {.kind = kind, .flow_id = {}, .schedule_id = {}, .run_id = {}, .backfill_id = id};
}
[[nodiscard]] inline Conflict conflict_of(Conflict::Kind kind, const Project& project) {
  return {.kind = kind, .flow_id = {}, .schedule_id = {}, .run_id = {}, .project_id = project.id};
}

// Whether what was refused may be written when it is built anew from the rows as they are then. A
// project has no row before its first pause: one that is there, or not, has only changed.
[[nodiscard]] inline bool may_pass(const Conflict& conflict) {
  return conflict.kind == Conflict::Kind::changed || conflict.project_id.has_value();
}

// The stamp of a row that is there (or none), against what the writer expects.
template <class Stamp>
[[nodiscard]] std::optional<Conflict::Kind> conflict_between(const std::optional<Stamp>& stored,
                                                             const std::optional<Stamp>& expected) {
  if (stored == expected) return std::nullopt;
  if (!expected) return Conflict::Kind::exists;
  return stored ? Conflict::Kind::changed : Conflict::Kind::missing;
}

// The same of a row that is to go.
[[nodiscard]] inline std::optional<Conflict::Kind> conflict_between(
    const std::optional<std::int64_t>& revision, const FlowDelete& flow) {
  if (!revision) return Conflict::Kind::missing;
  return conflict_between(revision, flow.expected_revision ? flow.expected_revision : revision);
}
[[nodiscard]] inline std::optional<Conflict::Kind> conflict_between(
    const std::optional<ScheduleStamp>& stored, const ScheduleDelete& schedule) {
  if (!stored) return Conflict::Kind::missing;
  if (stored->version == schedule.expected_version.value_or(stored->version)) return std::nullopt;
  return Conflict::Kind::changed;
}

// Thrown inside a transaction, so that it is rolled back, and caught around it.
struct Refused {
  Conflict conflict;
};

template <class Subject>
[[noreturn]] void conflict(Conflict::Kind kind, const Subject& subject) {
  throw Refused{conflict_of(kind, subject)};
}

}  // namespace rruled::store
