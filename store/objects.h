#pragma once

#include "store/ids.h"
#include "store/words.h"

#include <cstdint>
#include <optional>
#include <string>

// What people keep beside flows and schedules: named calendars, backfills, and whether a project
// fires at all. Plain rows, as in types.h.
namespace rruled::store {

// Days of a project on which schedules that name it do not run. A day is a date on the wall clock
// of the schedule's zone.
struct Calendar {
  std::int64_t project_id = 1;
  std::string name;
  std::string note;
  std::string days = "{}";  // JSON, kept and never read here: core/excluded_days.h
  Timestamp created_at;
  Timestamp updated_at;
  std::int64_t version = 1;  // +1 at each write; set by the store

  friend bool operator==(const Calendar&, const Calendar&) = default;
};
struct CalendarPut {
  Calendar calendar;
  std::optional<std::int64_t> expected_version;  // absent: it must not exist
};
struct CalendarName {
  std::int64_t project_id = 1;
  std::string name;

  friend auto operator<=>(const CalendarName&, const CalendarName&) = default;
};

// Occurrences of a schedule in [from, to) that a person wants run once more. Its runs are added a
// few at a time, in order, as those before them end: `made_to` says how far that is.
struct Backfill {
  ParentId id;
  std::int64_t project_id = 1;
  FlowId flow_id;
  ScheduleId schedule_id;
  Instant from;
  Instant to;                      // exclusive
  std::optional<Instant> made_to;  // every occurrence at or before it has its run
  std::uint64_t count = 0;         // of occurrences, when it was asked for
  std::uint64_t made = 0;          // of runs
  std::string note;
  Timestamp created_at;
  std::optional<Timestamp> ended_at;  // no run will be added any more
  bool cancelled = false;             // by a person
  std::int64_t version = 1;           // +1 at each write; set by the store

  friend bool operator==(const Backfill&, const Backfill&) = default;
};
struct BackfillPut {
  Backfill backfill;
  std::optional<std::int64_t> expected_version;  // absent: it must not exist
};

// Which of the occurrences that nobody settled in time still run.
enum class CatchupPolicy { last, none, all };
template <>
inline constexpr std::array<std::string_view, 3> kWords<CatchupPolicy>{"last", "none", "all"};

// Whether the schedules of a project fire. A project without a row does, and never did not.
struct Project {
  std::int64_t id = 1;
  std::optional<Timestamp> paused_at;
  // With paused_at: it fires again since then; absent, it is paused now. The last pause is kept, so
  // that each schedule learns of it when it is due next.
  std::optional<Timestamp> resumed_at;
  // What came due while it was paused: to catch-up, instead of a gap.
  bool catch_up = false;
  std::optional<CatchupPolicy> resume_catchup{};  // with catch_up; absent: each schedule's own
  std::string note;

  [[nodiscard]] bool paused() const { return paused_at && !resumed_at; }
  friend bool operator==(const Project&, const Project&) = default;
};
struct ProjectPut {
  Project project;
  std::optional<Project> expected{};  // as it is stored; absent: it has no row
};

}  // namespace rruled::store
