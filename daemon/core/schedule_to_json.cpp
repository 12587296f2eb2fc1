#include "daemon/core/duration.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/json_text.h"
#include "daemon/core/schedule_json.h"
#include "daemon/core/time_text.h"

#include <array>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 32> kScheduleKeys{"id",
                                                         "rrule",
                                                         "starts_at",
                                                         "starts_at_local",
                                                         "timezone",
                                                         "variables",
                                                         "status",
                                                         "next_run_at",
                                                         "created_at",
                                                         "updated_at",
                                                         "note",
                                                         "paused_until",
                                                         "dst_gap",
                                                         "dst_fold",
                                                         "catchup",
                                                         "catchup_grace",
                                                         "catchup_window",
                                                         "overlap",
                                                         "max_running",
                                                         "jitter",
                                                         "late_after",
                                                         "retry",
                                                         "timeout",
                                                         "executor",
                                                         "status_reason",
                                                         "pause_after_failures",
                                                         "calendar",
                                                         "calendar_action",
                                                         "project_paused",
                                                         "last_run",
                                                         "hog_flow",
                                                         "created_by"};
constexpr std::array<std::string_view, 4> kRetryKeys{"max_attempts", "min_backoff", "max_backoff",
                                                     "max_age"};

}  // namespace

json::object to_json(const store::Schedule& schedule) {
  const auto& retry = schedule.retry;
  return {
      {"id", to_string(schedule.id)},
      {"rrule", schedule.rrule},
      {"starts_at", iso_microseconds(schedule.starts_at)},
      {"timezone", schedule.timezone},
      {"variables", stored_json(schedule.variables, json::object())},
      {"status", store::word(schedule.status)},
      {"next_run_at", time_or_null(schedule.next_run_at)},
      {"created_at", iso_microseconds(schedule.created_at)},
      {"updated_at", iso_microseconds(schedule.updated_at)},
      {"note", schedule.note},
      {"paused_until", time_or_null(schedule.paused_until)},
      {"dst_gap", store::word(schedule.dst_gap)},
      {"dst_fold", store::word(schedule.dst_fold)},
      {"catchup", store::word(schedule.catchup)},
      {"catchup_grace", duration_text(schedule.catchup_grace)},
      {"catchup_window", duration_text(schedule.catchup_window)},
      {"overlap", store::word(schedule.overlap)},
      {"max_running", schedule.max_running},
      {"jitter", duration_text(schedule.jitter)},
      {"late_after", duration_text(schedule.late_after)},
      {"retry",
       {{"max_attempts", retry.max_attempts},
        {"min_backoff", duration_text(retry.min_backoff)},
        {"max_backoff", duration_text(retry.max_backoff)},
        {"max_age", duration_text(retry.max_age)}}},
      {"timeout",
       schedule.timeout ? json::value(duration_text(*schedule.timeout)) : json::value(nullptr)},
      {"pause_after_failures", schedule.pause_after_failures == 0
                                   ? json::value(nullptr)
                                   : json::value(schedule.pause_after_failures)},
      {"calendar",
       schedule.calendar.empty() ? json::value(nullptr) : json::value(schedule.calendar)},
      {"executor", schedule.executor},
      {"status_reason", schedule.status_reason},
      {"calendar_action", store::word(schedule.calendar_action)},
  };
}

std::vector<std::string> unknown_schedule_keys(const json::object& object,
                                               std::string_view parent) {
  auto unknown = FieldReader::unknown_keys(object, kScheduleKeys, parent);
  const auto* retry = object.if_contains("retry");
  if (retry && retry->is_object())
    for (auto& each :
         FieldReader::unknown_keys(retry->get_object(), kRetryKeys, join_attr(parent, "retry")))
      unknown.push_back(std::move(each));
  return unknown;
}

}  // namespace rruled::core
