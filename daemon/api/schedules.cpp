#include "daemon/api/jobs.h"
#include "daemon/api/routes.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/run_json.h"

#include <array>
#include <map>

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 19> kScheduleTexts{
    "rrule",   "starts_at", "starts_at_local", "timezone",       "status",
    "note",    "dst_gap",   "dst_fold",        "catchup",        "catchup_grace",
    "jitter",  "overlap",   "catchup_window",  "paused_until",   "late_after",
    "timeout", "executor",  "calendar",        "calendar_action"};

constexpr std::array<std::string_view, 4> kScheduleNullables{"paused_until", "timeout", "calendar",
                                                             "pause_after_failures"};
constexpr FormShape kScheduleForm{kScheduleTexts, kScheduleNullables};

// Of schedules whose last runs are read at a time.
constexpr std::size_t kSchedulesStep = 100;

// Gives each of them to `take`, with what became of its last run.
template <class Take>
void describe_schedules(const Call& call,
                        const std::vector<store::Schedule>& schedules,
                        Take take) {
  std::vector<store::ScheduleId> ids;
  for (const auto& each : schedules) ids.push_back(each.id);
  std::map<store::ScheduleId, json::object> last;
  for (const auto& run : call.directory().last_runs(ids)) {
    const json::object whole = core::to_json(run);
    last[*run.schedule_id] = {{"id", whole.at("id")},
                              {"scheduled_for", whole.at("scheduled_for")},
                              {"status", job_word(run.status)},
                              {"lateness_ms", whole.at("lateness_ms")}};
  }
  const auto project = call.directory().project(call.project());
  for (const auto& each : schedules) {
    json::object object = core::to_json(each);
    const auto run = last.find(each.id);
    object["project_paused"] = project && project->paused();
    object["last_run"] = run == last.end() ? json::value() : json::value(std::move(run->second));
    take(std::move(object));
  }
}

Response schedule_response(Call& call, const store::Schedule& schedule, int status = 200) {
  Response response;
  describe_schedules(call, {schedule},
                     [&](json::object object) { response = json_response(object, status); });
  response.headers = call.headers;
  response.headers.push_back({"ETag", etag(schedule.revision)});
  return response;
}

bool fires(const store::Flow& flow) { return core::can_fire(flow.status, flow.trigger_type); }

}  // namespace

Response list_schedules(Call& call) {
  const store::Flow flow = flow_of(call);
  store::ScheduleFilter filter{.project_id = call.project(), .flow_id = flow.id};
  filter.id = id_parameter<store::ScheduleId>(call, "id");
  filter.created_at = time_parameter(call, "created_at");
  filter.updated_at = time_parameter(call, "updated_at");
  const auto range = page_range(call);
  PageRows results(call.context.page_bytes_max);
  if (call.parameter("created_by") != nullptr) return page_response(call, results, 0, range);
  auto page = call.directory().schedules(filter, range);
  add_in_parts(std::move(page.rows), kSchedulesStep, results,
               [&](const std::vector<store::Schedule>& schedules) {
                 describe_schedules(call, schedules, [&](json::object object) {
                   if (!results.is_full()) results.add(std::move(object));
                 });
               });
  return page_response(call, std::move(results), page.count, range);
}

Response create_schedule(Call& call) {
  const store::Flow flow = flow_of(call);
  const json::object body = body_object(call, kScheduleForm);
  const Made made = made_by(call, flow.id.value);
  store::Schedule base;
  base.id = store::ScheduleId{made.id};
  base.flow_id = flow.id;
  base.project_id = flow.project_id;
  base.created_at = call.now;
  const auto existing = made.by_key ? call.store().schedule(base.id) : std::nullopt;
  if (existing) {
    remember(call, made, body);
    say_replayed(call);
    return schedule_response(call, *existing, 201);
  }
  auto ignored = core::unknown_schedule_keys(body);
  if (const auto* status = body.if_contains("status"); status && *status != "active")
    ignored.emplace_back("status");
  warn_unknown(call, ignored);
  const auto edit = core::schedule_from_json(body, base, nullptr, core::JsonUse::create,
                                             rules_of(call), call.now);
  if (!edit) throw Refused{invalid(edit.error())};
  remember(call, made, body);
  bool there = false;  // by the same request, which came twice at one time
  write_changes(call, [&] {
    store::ChangeSet changes;
    there = call.store().schedule(base.id).has_value();
    if (there) return changes;
    core::put(changes, core::decided(*edit, nullptr, nullptr, fires(flow_of(call)), call.now),
              nullptr);
    return changes;
  });
  if (there) say_replayed(call);
  const auto written = call.store().schedule(base.id);
  if (!written) throw Refused{not_found()};
  return schedule_response(call, *written, 201);
}

// Never 304: its times move when it fires, and its ETag does not.
Response get_schedule(Call& call) {
  return schedule_response(call, schedule_of(call, flow_of(call)));
}

Response patch_schedule(Call& call) {
  const json::object body = body_object(call, kScheduleForm);
  warn_unknown(call, core::unknown_schedule_keys(body));
  write_changes(call, [&] {
    const store::Flow flow = flow_of(call);
    const store::Schedule before = schedule_of(call, flow);
    check_conditions(call, etag(before.revision));
    const auto edit = core::schedule_from_json(body, before, &before, core::JsonUse::patch,
                                               rules_of(call), call.now);
    if (!edit) throw Refused{invalid(edit.error())};
    const auto timetable =
        core::Timetable::compile(before, call.context.rules.zones, rules_of(call).calendars);
    core::Change change =
        core::decided(*edit, &before, timetable ? &*timetable : nullptr, fires(flow), call.now);
    store::ChangeSet changes;
    if (!core::same_settings(before, change.schedule) ||
        before.next_run_at != change.schedule.next_run_at)
      core::put(changes, std::move(change), &before);
    return changes;
  });
  return get_schedule(call);
}

Response delete_schedule(Call& call) {
  write_changes(call, [&] {
    const store::Schedule schedule = schedule_of(call, flow_of(call));
    check_conditions(call, etag(schedule.revision));
    store::ChangeSet changes;
    changes.delete_schedules.push_back({schedule.id, schedule.version});
    return changes;
  });
  return {.status = 204};
}

}  // namespace rruled::api
