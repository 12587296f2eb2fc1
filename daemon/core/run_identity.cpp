#include "daemon/core/run_identity.h"

#include "daemon/core/templates.h"

#include <boost/json.hpp>
#include <date/date.h>

#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;

void append_digits(std::string& out, int value, int width) {
  std::string digits = std::to_string(value);
  out.append(static_cast<std::size_t>(std::max(0, width - static_cast<int>(digits.size()))), '0');
  out += digits;
}

json::value parse_or(std::string_view text, json::value otherwise) {
  json::error_code error;
  json::value value = json::parse(text, error);
  return error ? std::move(otherwise) : std::move(value);
}

void overlay(json::object& onto, std::string_view text) {
  const json::value value = parse_or(text, json::object());
  if (!value.is_object()) return;
  for (const auto& [key, each] : value.get_object()) onto.insert_or_assign(key, each);
}

json::object defaults_of(std::string_view flow_variables) {
  json::object merged;
  const json::value definitions = parse_or(flow_variables, json::array());
  if (!definitions.is_array()) return merged;
  for (const auto& definition : definitions.get_array()) {
    const auto* fields = definition.if_object();
    const auto* key = fields ? fields->if_contains("key") : nullptr;
    if (!key || !key->is_string()) continue;
    const auto* value = fields->if_contains("default");
    merged.insert_or_assign(key->get_string(), value ? *value : json::value(nullptr));
  }
  return merged;
}

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(json::string(*text)) : json::value(nullptr);
}

// {"run":..,"flow":..,"schedule":..,"variables":..}, without the attempt.
std::string body_of(const store::Run& run, const store::DueSchedule& due) {
  const store::Schedule& schedule = due.schedule;
  json::object body;
  json::object& about_run = body.emplace("run", json::object()).first->value().get_object();
  about_run["id"] = to_string(run.id);
  about_run["kind"] = store::word(run.kind);
  about_run["origin"] = store::word(run.origin);
  about_run["scheduled_for"] =
      run.scheduled_for ? json::value(rfc3339(*run.scheduled_for)) : json::value(nullptr);
  about_run["due_at"] = rfc3339(run.due_at);
  body["flow"] = {{"id", to_string(run.flow_id)},
                  {"name", text_or_null(due.flow_name)},
                  {"version", due.flow_version},
                  {"project_id", run.project_id}};
  if (run.schedule_id) {
    body["schedule"] = {{"id", to_string(schedule.id)},
                        {"rrule", schedule.rrule},
                        {"starts_at", rfc3339(schedule.starts_at)},
                        {"timezone", schedule.timezone}};
  } else {
    body["schedule"] = nullptr;
  }
  body["variables"] = parse_or(run.variables, json::object());
  return json::serialize(body);
}

store::Run run_of(const store::DueSchedule& due, store::RunId id, std::string variables) {
  const store::Schedule& schedule = due.schedule;
  store::Run run;
  run.id = id;
  run.project_id = schedule.project_id;
  run.flow_id = schedule.flow_id;
  run.kind = due.trigger_type == "batch" ? store::RunKind::batch_job : store::RunKind::invocation;
  run.executor = schedule.executor;
  run.timeout = schedule.timeout;
  run.late_after = schedule.late_after;
  run.retry = schedule.retry;
  run.flow_name = due.flow_name.value_or("");
  run.variables = std::move(variables);
  return run;
}

// Variables without templates, and the body with them.
void freeze(store::Run& run,
            const store::DueSchedule& due,
            store::Instant nominal,
            std::optional<store::Instant> wall) {
  run.variables =
      fill_json_templates(std::move(run.variables),
                          {nominal, wall.value_or(nominal), run.id, run.flow_id, run.schedule_id});
  run.body = body_of(run, due);
}

}  // namespace

std::string rfc3339(store::Instant instant) {
  const auto day = date::floor<date::days>(instant);
  const date::year_month_day ymd(day);
  const date::hh_mm_ss<std::chrono::seconds> time(instant - day);
  std::string out;
  out.reserve(20);
  append_digits(out, static_cast<int>(ymd.year()), 4);
  out += '-';
  append_digits(out, static_cast<int>(static_cast<unsigned>(ymd.month())), 2);
  out += '-';
  append_digits(out, static_cast<int>(static_cast<unsigned>(ymd.day())), 2);
  out += 'T';
  append_digits(out, static_cast<int>(time.hours().count()), 2);
  out += ':';
  append_digits(out, static_cast<int>(time.minutes().count()), 2);
  out += ':';
  append_digits(out, static_cast<int>(time.seconds().count()), 2);
  out += 'Z';
  return out;
}

std::string rfc3339(store::Timestamp timestamp) {
  const auto second = std::chrono::floor<std::chrono::seconds>(timestamp);
  std::string out = rfc3339(second);
  out.back() = '.';
  append_digits(out, static_cast<int>((timestamp - second).count()), 3);
  out += 'Z';
  return out;
}

store::RunId scheduled_run_id(store::ScheduleId schedule, store::Instant scheduled_for) {
  return {store::uuid_v5(schedule.value, rfc3339(scheduled_for))};
}

std::string idempotency_key(store::RunId run) { return "rr1-" + to_string(run); }

std::string merge_variables(std::string_view flow_variables,
                            std::string_view schedule_variables,
                            std::string_view run_variables) {
  json::object merged = defaults_of(flow_variables);
  overlay(merged, schedule_variables);
  overlay(merged, run_variables);
  return json::serialize(merged);
}

store::Run scheduled_run(const store::DueSchedule& due,
                         store::Instant scheduled_for,
                         store::Timestamp due_at,
                         store::Timestamp now,
                         std::optional<store::Instant> wall) {
  store::Run run = run_of(due, scheduled_run_id(due.schedule.id, scheduled_for),
                          merge_variables(due.flow_variables, due.schedule.variables));
  run.schedule_id = due.schedule.id;
  run.origin = store::RunOrigin::schedule;
  run.scheduled_for = scheduled_for;
  run.due_at = due_at;
  run.created_at = now;
  run.available_at = due_at;
  freeze(run, due, scheduled_for, wall);
  return run;
}

store::Run backfilled_run(const store::DueSchedule& due,
                          store::ParentId backfill,
                          store::Instant scheduled_for,
                          store::Timestamp now,
                          std::optional<store::Instant> wall) {
  const store::RunId id{store::uuid_v5(backfill.value, rfc3339(scheduled_for))};
  store::Run run = run_of(due, id, merge_variables(due.flow_variables, due.schedule.variables));
  run.schedule_id = due.schedule.id;
  run.parent_id = backfill;
  run.origin = store::RunOrigin::backfill;
  run.scheduled_for = scheduled_for;
  run.due_at = now;
  run.created_at = now;
  run.available_at = now;
  freeze(run, due, scheduled_for, wall);
  return run;
}

store::Run manual_run(const store::DueSchedule& due,
                      bool of_schedule,
                      store::RunId id,
                      std::string_view run_variables,
                      store::Timestamp now,
                      std::optional<store::Instant> wall) {
  store::Run run =
      run_of(due, id,
             merge_variables(due.flow_variables, of_schedule ? due.schedule.variables : "{}",
                             run_variables));
  if (of_schedule) run.schedule_id = due.schedule.id;
  run.origin = store::RunOrigin::manual;
  run.due_at = now;
  run.created_at = now;
  run.available_at = now;
  freeze(run, due, std::chrono::floor<std::chrono::seconds>(now), wall);
  return run;
}

}  // namespace rruled::core
