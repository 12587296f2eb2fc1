#include "daemon/core/schedule_json.h"

#include "daemon/core/duration.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/time_text.h"
#include "rrule/parse.h"
#include "rrule/zone_database.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using store::ScheduleStatus;

constexpr int kIntervalSamples = 100;

// A quarantined schedule is taken over from an export as it is.
bool is_broken(const json::object& object, JsonUse use) {
  const auto* status = object.if_contains("status");
  return use == JsonUse::import && status && *status == "error";
}

// `text`: as it was given; empty: it was not.
void read_rrule(FieldReader& fields, bool broken, const std::string& text, std::string& rrule) {
  if (fields.failed() || text.empty()) return;
  if (broken) {
    rrule = text;
    return;
  }
  const auto set = rrule::parse_recurrence(text);
  if (set) {
    rrule = to_string(*set);
    return;
  }
  const auto& error = set.error();
  fields.refuse(FieldError{
      "rrule",
      "invalid_input",
      "Invalid RRULE. " + error.detail + " (at character " + std::to_string(error.offset) + ").",
      {},
      error.offset});
}

std::shared_ptr<const rrule::TimeZone> read_zone(FieldReader& fields,
                                                 bool broken,
                                                 const std::string& name,
                                                 const ScheduleRules& rules) {
  if (fields.failed() || broken) return rrule::TimeZone::utc();
  auto found = rules.zones.find(name);
  if (found) return std::move(*found);
  fields.refuse("timezone", "invalid_input", "Invalid or unknown timezone.", found.error().detail);
  return rrule::TimeZone::utc();
}

void read_local_start(FieldReader& fields, const rrule::TimeZone& zone, Timestamp& start) {
  const auto* value = fields.present("starts_at_local");
  if (!value) return;
  const auto* text = value->if_string();
  const auto time = parse_time(text ? std::string_view(*text) : std::string_view());
  if (time && std::holds_alternative<rrule::local_seconds>(*time))
    start = instant_of(*time, zone);
  else
    fields.refuse("starts_at_local", "invalid_input",
                  "Must be a wall-clock time without offset, as in 2026-01-31T09:00:00.");
}

// `starts_at_local` is read by read_local_start(), once its zone is known.
void read_start(
    FieldReader& fields, const json::object& object, JsonUse use, Timestamp now, Timestamp& start) {
  const auto* given = object.if_contains("starts_at");
  if (object.contains("starts_at_local")) {
    if (given)
      fields.refuse("starts_at_local", "invalid_input",
                    "Give starts_at or starts_at_local, not both.");
  } else if (use == JsonUse::import && given && *given == "now") {
    start = std::chrono::floor<seconds>(now) + seconds(1);
  } else {
    if (use != JsonUse::patch) fields.require("starts_at");
    fields.instant("starts_at", start);
  }
}

void set_start(FieldReader& fields,
               bool local,
               const rrule::TimeZone& zone,
               Timestamp start,
               store::Schedule& row) {
  if (fields.failed()) return;
  row.starts_at = std::chrono::floor<seconds>(start);
  if (!rrule::start_in_range(row.starts_at, zone))
    fields.refuse(invalid(local ? "starts_at_local" : "starts_at", std::string(kStartRange) + "."));
}

// What was stored before there was a limit is taken over from an export, and stays.
void read_variables(FieldReader& fields, JsonUse use, std::string& variables) {
  fields.object_json("variables", variables, false);
  if (use == JsonUse::import || !fields.find("variables")) return;
  if (auto error = variables_too_long(variables)) fields.refuse(std::move(*error));
}

void read_retry(FieldReader& fields, store::RetryPolicy& retry) {
  const auto* value = fields.present("retry");
  if (!value) return;
  if (!value->is_object()) {
    fields.refuse("retry", "invalid_input", "Must be an object.");
    return;
  }
  FieldReader parts(value->get_object(), "retry");
  parts.integer("max_attempts", retry.max_attempts, 1, 1'000);
  parts.duration("min_backoff", retry.min_backoff, milliseconds(1));
  parts.duration("max_backoff", retry.max_backoff, milliseconds(1));
  parts.duration("max_age", retry.max_age, milliseconds(0));
  if (!parts.failed() && retry.max_backoff < retry.min_backoff)
    parts.refuse("max_backoff", "invalid_input", "Must not be less than min_backoff.");
  if (parts.failed()) fields.refuse(*parts.error());
}

void read_policies(FieldReader& fields, store::Schedule& row, const ScheduleRules& rules) {
  fields.text("note", row.note, {.length_max = 1'000, .blank = true});
  fields.word("dst_gap", row.dst_gap);
  fields.word("dst_fold", row.dst_fold);
  fields.word("catchup", row.catchup);
  fields.duration("catchup_grace", row.catchup_grace, milliseconds(0));
  fields.duration("catchup_window", row.catchup_window, milliseconds(0));
  fields.word("overlap", row.overlap);
  fields.integer("max_running", row.max_running, 1, 10'000);
  fields.duration("jitter", row.jitter, milliseconds(0));
  fields.duration("late_after", row.late_after, milliseconds(0));
  read_retry(fields, row.retry);
  fields.nullable_duration("timeout", row.timeout, milliseconds(1));
  const std::string before = row.executor;
  fields.text("executor", row.executor, {.length_max = 200});
  if (!fields.find("executor") || row.executor == before) return;
  if (const auto error = executor_error(rules, row))
    fields.refuse(error->attr, error->code, error->detail, error->hint);
}

void read_calendar(FieldReader& fields, store::Schedule& row) {
  const auto* value = fields.find("calendar");
  if (value && value->is_null())
    row.calendar.clear();
  else
    fields.text("calendar", row.calendar, {.length_max = kCalendarNameMax, .blank = true});
  fields.word("calendar_action", row.calendar_action);
}

void read_status(FieldReader& fields, JsonUse use, ScheduleEdit& edit) {
  const auto* value = fields.find("status");
  if (!value || use == JsonUse::create) return;  // a new one is active
  ScheduleStatus status = edit.row.status;
  fields.word("status", status);
  const bool by_person = status == ScheduleStatus::active || status == ScheduleStatus::paused;
  if (!fields.failed() && use != JsonUse::import && !by_person && status != edit.row.status)
    fields.refuse("status", "invalid_input",
                  json_text(*value) + " cannot be set: only active and paused can.");
  if (!fields.failed()) edit.status = status;
}

// A schedule that is not paused has no end of its pause.
void read_paused_until(FieldReader& fields, ScheduleEdit& edit, Timestamp now) {
  const auto status = edit.status.value_or(edit.row.status);
  if (status != ScheduleStatus::paused) edit.row.paused_until.reset();
  const auto* value = fields.find("paused_until");
  if (!value) return;
  edit.row.paused_until.reset();
  if (value->is_null()) return;
  Timestamp until;
  fields.instant("paused_until", until);
  if (fields.failed()) return;
  if (status != ScheduleStatus::paused)
    fields.refuse(
        "paused_until", "invalid_input",
        "Only a paused schedule has one: give \"status\": \"paused\" with it (a new one is"
        " active, and can be paused then).");
  else if (until <= now)
    fields.refuse("paused_until", "invalid_input", "Must be in the future.");
  else
    edit.row.paused_until = until;
}

void read_pause_after_failures(FieldReader& fields, store::Schedule& row) {
  const auto* value = fields.find("pause_after_failures");
  if (value && value->is_null())
    row.pause_after_failures = 0;
  else
    fields.integer("pause_after_failures", row.pause_after_failures, 1, 1'000);
}

void read_import_only(FieldReader& fields, ScheduleEdit& edit) {
  fields.instant("created_at", edit.row.created_at);
  fields.instant("updated_at", edit.row.updated_at);
  if (edit.status == ScheduleStatus::error)
    fields.text("status_reason", edit.row.status_reason, {.blank = true});
}

bool same_timing(const store::Schedule& a, const store::Schedule& b) {
  return a.rrule == b.rrule && a.starts_at == b.starts_at && a.timezone == b.timezone &&
         a.dst_gap == b.dst_gap && a.dst_fold == b.dst_fold && a.jitter == b.jitter &&
         a.calendar == b.calendar && a.calendar_action == b.calendar_action;
}

// What a row without an occurrence ahead is refused for. Nothing where its rule `may_be_over` and
// had some: lifecycle.h completes it.
void check_future(FieldReader& fields, bool may_be_over, const ScheduleEdit& edit, Instant second) {
  const Timetable& timetable = *edit.timetable;
  // By itself the rule may have some.
  const bool ahead = timetable.recurrence()
                         .next(std::max(second, edit.row.settled_to.value_or(second)))
                         .has_value();
  if (may_be_over && !ahead && timetable.next(std::nullopt)) return;
  const bool excluded = ahead && !edit.row.calendar.empty();
  fields.refuse(excluded ? "calendar" : "rrule", "invalid_input",
                excluded ? "Schedule produces no future occurrences: its calendar excludes all."
                         : std::string(kNoFuture));
}

// Compiles the row's recurrence and holds it against the rules. A row that an import brings as
// ended has no future to check.
void check_timing(FieldReader& fields,
                  JsonUse use,
                  bool may_be_over,
                  ScheduleEdit& edit,
                  const ScheduleRules& rules,
                  Timestamp now) {
  auto timetable = Timetable::compile(edit.row, rules.zones, rules.calendars);
  if (!timetable) {
    const auto& [field, error] = timetable.error();
    if (field == "calendar")
      fields.refuse("calendar", "invalid_input", error.detail + ".",
                    "`rruled calendar list` shows those of the project.");
    else if (field == "timezone")
      fields.refuse("timezone", "invalid_input", "Invalid or unknown timezone.", error.detail);
    else
      fields.refuse(FieldError{std::string(field),
                               "invalid_input",
                               "Invalid RRULE. " + error.detail + ".",
                               {},
                               error.offset});
    return;
  }
  edit.timetable = std::move(*timetable);
  if (use == JsonUse::import && edit.status == ScheduleStatus::completed) return;
  const Instant second = std::chrono::floor<seconds>(now);
  if (edit.timetable->open_days().moves_too_often(second)) {
    fields.refuse("calendar_action", "invalid_input", std::string(kMovedTooOften));
    return;
  }
  bool exhausted = false;
  const auto gave_up = [&fields] {
    fields.refuse("rrule", "invalid_input", "Invalid RRULE. " + std::string(kExhaustedRule) + ".");
  };
  if (!edit.timetable->first_ahead(edit.row.settled_to, now, &exhausted)) {
    if (exhausted) return gave_up();
    check_future(fields, may_be_over, edit, second);
    return;
  }
  const auto distance = edit.timetable->min_distance(second, kIntervalSamples, &exhausted);
  if (exhausted) return gave_up();
  if (distance < rules.min_interval)
    fields.refuse("rrule", "invalid_input",
                  "Schedules must run at most once per " + duration_text(rules.min_interval) + ".");
}

}  // namespace

std::optional<FieldError> variables_too_long(std::string_view variables) {
  if (variables.size() <= kRunVariablesBytesMax) return std::nullopt;
  return FieldError{"variables", "max_length",
                    "Ensure this field has no more than " + std::to_string(kRunVariablesBytesMax) +
                        " bytes as JSON."};
}

std::optional<FieldError> executor_error(const ScheduleRules& rules,
                                         const store::Schedule& schedule) {
  if (!rules.may_use_executor || rules.may_use_executor(schedule.executor, schedule.project_id))
    return std::nullopt;
  return FieldError{"executor", "invalid_input",
                    "There is no executor \"" + schedule.executor + "\" for this project.",
                    "Executors are named in the configuration: [executors.NAME]."};
}

FieldResult<ScheduleEdit> schedule_from_json(const json::object& object,
                                             const store::Schedule& base,
                                             const store::Schedule* before,
                                             JsonUse use,
                                             const ScheduleRules& rules,
                                             Timestamp now) {
  ScheduleEdit edit{base, false, std::nullopt, std::nullopt};
  edit.row.updated_at = now;
  FieldReader fields(object);
  const bool broken = is_broken(object, use);
  const bool local = object.contains("starts_at_local");
  Timestamp start = edit.row.starts_at;
  std::string rule;
  fields.text("rrule", rule, {.required = use != JsonUse::patch});
  read_start(fields, object, use, now, start);
  fields.text("timezone", edit.row.timezone, {.length_max = 64});
  read_variables(fields, use, edit.row.variables);
  read_status(fields, use, edit);
  read_policies(fields, edit.row, rules);
  read_calendar(fields, edit.row);
  read_paused_until(fields, edit, use == JsonUse::import ? Timestamp::min() : now);
  read_pause_after_failures(fields, edit.row);
  if (use == JsonUse::import) read_import_only(fields, edit);
  // What the fields are comes first, what they mean second.
  read_rrule(fields, broken, rule, edit.row.rrule);
  const auto zone = read_zone(fields, broken, edit.row.timezone, rules);
  if (local) read_local_start(fields, *zone, start);
  set_start(fields, local, *zone, start, edit.row);
  edit.timing = !before || !same_timing(*before, edit.row);
  const bool resumes =
      before && edit.status == ScheduleStatus::active && before->status != ScheduleStatus::active;
  // Files outlive their schedules, and pauses do: what passed meanwhile is told by its end.
  const bool may_be_over = use == JsonUse::import ||
                           (resumes && !edit.timing && before->status != ScheduleStatus::completed);
  if (!fields.failed() && !broken && (edit.timing || resumes))
    check_timing(fields, use, may_be_over, edit, rules, now);
  if (fields.failed()) return *fields.error();
  return edit;
}

Change decided(const ScheduleEdit& edit,
               const store::Schedule* before,
               const Timetable* timetable_before,
               bool flow_fires,
               Timestamp now) {
  Change change{edit.row, std::nullopt};
  if (!before && edit.status == ScheduleStatus::paused) {
    change.schedule.status = ScheduleStatus::paused;
    return change;
  }
  if (!before &&
      (edit.status == ScheduleStatus::completed || edit.status == ScheduleStatus::error)) {
    change.schedule.status = *edit.status;
    return change;
  }
  if (!before) return rescheduled(edit.row, *edit.timetable, flow_fires, now);
  if (edit.timing)
    change = edited(*before, timetable_before, edit.row, *edit.timetable, flow_fires, now);
  const auto status = change.schedule.status;
  // What the edit closed stays closed.
  const auto then = [&](Change next) {
    if (change.gap) next.gap = std::move(change.gap);
    if (change.excluded) next.excluded = std::move(change.excluded);
    change = std::move(next);
  };
  if (edit.status == ScheduleStatus::paused && status != ScheduleStatus::paused)
    then(paused(change.schedule, edit.timing ? &*edit.timetable : timetable_before,
                change.schedule.note, now, change.schedule.paused_until));
  else if (edit.status == ScheduleStatus::active &&
           (status == ScheduleStatus::paused || status == ScheduleStatus::error))
    then(resumed(change.schedule, *edit.timetable, flow_fires, now));
  return change;
}

bool same_settings(const store::Schedule& a, const store::Schedule& b) {
  return same_timing(a, b) && same_json(a.variables, b.variables, Numbers::as_written) &&
         a.status == b.status && a.note == b.note && a.catchup == b.catchup &&
         a.catchup_grace == b.catchup_grace && a.catchup_window == b.catchup_window &&
         a.overlap == b.overlap && a.max_running == b.max_running && a.late_after == b.late_after &&
         a.retry == b.retry && a.timeout == b.timeout && a.executor == b.executor &&
         a.paused_until == b.paused_until && a.pause_after_failures == b.pause_after_failures;
}

}  // namespace rruled::core
