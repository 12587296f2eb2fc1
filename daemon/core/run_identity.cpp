#include "daemon/core/run_identity.h"

#include "daemon/core/json_text.h"
#include "daemon/core/templates.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <date/date.h>

#include <cstdint>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;

// Writes the last two digits of `value` there.
void put_pair(std::string& out, std::size_t at, std::int64_t value) {
  out[at] = static_cast<char>('0' + value / 10 % 10);
  out[at + 1] = static_cast<char>('0' + value % 10);
}

void overlay(json::object& onto, std::string_view text) {
  if (text == "{}") return;
  const json::value value = stored_json(text, json::object());
  if (!value.is_object()) return;
  for (const auto& [key, each] : value.get_object()) onto.insert_or_assign(key, each);
}

json::object defaults_of(std::string_view flow_variables) {
  json::object merged;
  if (flow_variables == "[]") return merged;
  const json::value definitions = stored_json(flow_variables, json::array());
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

// {"run":..,"flow":..,"schedule":..,"variables":..}, without the attempt. Written by hand: a tree
// of values for each run that is due cost more than all else that is done to plan it. The variables
// are JSON already.
std::string body_of(const store::Run& run, const store::DueSchedule& due) {
  const store::Schedule& schedule = due.schedule;
  std::string out;
  out.reserve(512 + run.variables.size());
  out.append(R"({"run":{"id":")").append(to_string(run.id));
  out.append(R"(","kind":")").append(store::word(run.kind));
  out.append(R"(","origin":")").append(store::word(run.origin));
  out.append(R"(","scheduled_for":)");
  out += run.scheduled_for ? '"' + rfc3339(*run.scheduled_for) + '"' : "null";
  out.append(R"(,"due_at":")").append(rfc3339(run.due_at));
  out.append(R"("},"flow":{"id":")").append(to_string(run.flow_id));
  out.append(R"(","name":)");
  if (due.flow_name)
    append_quoted(out, *due.flow_name);
  else
    out += "null";
  out.append(R"(,"version":)").append(std::to_string(due.flow_version));
  out.append(R"(,"project_id":)").append(std::to_string(run.project_id));
  out.append(R"(},"schedule":)");
  if (run.schedule_id) {
    out.append(R"({"id":")").append(to_string(schedule.id));
    out.append(R"(","rrule":)");
    append_quoted(out, schedule.rrule);
    out.append(R"(,"starts_at":")").append(rfc3339(schedule.starts_at));
    out.append(R"(","timezone":)");
    append_quoted(out, schedule.timezone);
    out += '}';
  } else {
    out += "null";
  }
  return out.append(R"(,"variables":)").append(run.variables).append("}");
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
  const int year = static_cast<int>(ymd.year());
  std::string out("0000-00-00T00:00:00Z");
  put_pair(out, 0, year / 100);
  put_pair(out, 2, year);
  put_pair(out, 5, static_cast<unsigned>(ymd.month()));
  put_pair(out, 8, static_cast<unsigned>(ymd.day()));
  put_pair(out, 11, time.hours().count());
  put_pair(out, 14, time.minutes().count());
  put_pair(out, 17, time.seconds().count());
  if (year > 9'999) out.replace(0, 4, std::to_string(year));
  return out;
}

std::string rfc3339(store::Timestamp timestamp) {
  const auto second = std::chrono::floor<std::chrono::seconds>(timestamp);
  const auto thousandths = (timestamp - second).count();
  std::string out = rfc3339(second);
  out.replace(out.size() - 1, 1, ".000Z");
  out[out.size() - 4] = static_cast<char>('0' + thousandths / 100);
  put_pair(out, out.size() - 3, thousandths);
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
  return json_text(std::move(merged));
}

store::DueSchedule due_schedule(store::Schedule schedule, const store::Flow& flow) {
  store::DueSchedule due;
  due.schedule = std::move(schedule);
  due.flow_name = flow.name;
  due.flow_status = flow.status;
  due.flow_version = flow.version;
  due.trigger_type = flow.trigger_type;
  due.flow_variables = flow.variables;
  return due;
}

std::optional<store::Instant> wall_time(std::string_view timezone,
                                        const rrule::ZoneDatabase& zones,
                                        store::Timestamp now) {
  const auto zone = zones.find(timezone);
  if (!zone) return std::nullopt;
  const auto instant = std::chrono::floor<std::chrono::seconds>(now);
  return instant + (*zone)->offset_at(instant);
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
