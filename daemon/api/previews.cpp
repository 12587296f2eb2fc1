#include "daemon/api/routes.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/preview.h"
#include "rrule/occurrence.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <set>

namespace rruled::api {
namespace {

namespace json = boost::json;
using core::Timetable;

// Schedules that upcoming looks at, when `from` is ahead.
constexpr std::size_t kUpcomingSchedulesMax = 10'000;

Response occurrences(const core::Preview& preview) { return json_response(core::to_json(preview)); }

// Whole seconds, so that what is after (exclusive) or until (inclusive) stays so.
std::optional<store::Instant> second_parameter(const Call& call, std::string_view name) {
  const auto time = time_parameter(call, name);
  if (!time) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*time);
}

// One schedule on its way through time.
struct Walk {
  const store::Schedule* schedule;
  core::PreviewWalk occurrences;
  core::PreviewItem item;

  // Whether there is another one before `to`. `lost` becomes true where that cannot be told.
  [[nodiscard]] bool step(store::Timestamp to, bool& lost) {
    const auto next = occurrences.next();
    if (!next) {
      const auto last = std::chrono::floor<std::chrono::seconds>(to - std::chrono::milliseconds(1));
      lost = lost ||
             occurrences.lost(to == store::Timestamp::max() ? std::nullopt : std::optional(last));
    }
    if (!next || next->due_at >= to) return false;
    item = *next;
    return true;
  }
  friend bool operator>(const Walk& a, const Walk& b) {
    return std::tie(a.item.due_at, a.schedule->id) > std::tie(b.item.due_at, b.schedule->id);
  }
};

// Those whose pause is over before `to`.
void add_resuming(const Call& call, store::Timestamp to, std::vector<store::Schedule>& rows) {
  auto page = call.directory().schedules({.project_id = call.project(), .resumes_before = to},
                                         {kUpcomingSchedulesMax, 0});
  if (page.count > kUpcomingSchedulesMax)
    refuse("to", "More than " + std::to_string(kUpcomingSchedulesMax) +
                     " schedules are paused until a time before it: give an earlier one.");
  std::ranges::move(page.rows, std::back_inserter(rows));
}

// Flows that can fire, of the schedules that are paused: next_run_at says it of the others.
std::set<store::FlowId> firing_flows(const Call& call,
                                     const std::vector<store::Schedule>& schedules) {
  std::set<store::FlowId> known;
  std::set<store::FlowId> firing;
  for (const auto& each : schedules) {
    if (!each.paused_until || !known.insert(each.flow_id).second) continue;
    const auto flow = call.store().flow(each.flow_id);
    if (flow && core::can_fire(flow->status, flow->trigger_type)) firing.insert(each.flow_id);
  }
  return firing;
}

// What passes meanwhile does not run.
bool project_paused(const Call& call) {
  const auto project = call.directory().project(call.project());
  return project && project->paused();
}

// The schedules of which the first `limit` occurrences after `from` can be.
std::vector<store::Schedule> candidates(const Call& call,
                                        std::optional<store::Timestamp> from,
                                        store::Timestamp to,
                                        std::size_t limit) {
  store::ScheduleFilter filter{.project_id = call.project()};
  filter.status = store::ScheduleStatus::active;
  filter.due_before = to;
  // Nothing comes before next_due_at: the first ones are of those that are due first.
  const bool at_once = !from || *from <= call.now;
  if (project_paused(call)) return {};
  auto page = call.directory().schedules(filter, {at_once ? limit : kUpcomingSchedulesMax, 0});
  if (!at_once && page.count > kUpcomingSchedulesMax)
    refuse("from", "With more than " + std::to_string(kUpcomingSchedulesMax) +
                       " schedules it must not be ahead of now.");
  add_resuming(call, to, page.rows);
  return std::move(page.rows);
}

constexpr std::array<std::string_view, 9> kPreviewKeys{"rrule",    "starts_at", "starts_at_local",
                                                       "timezone", "dst_gap",   "dst_fold",
                                                       "after",    "until",     "count"};

[[noreturn]] void refuse_timing(const Timetable::Error& error) {
  if (error.field == "timezone") refuse("timezone", "Invalid or unknown timezone.");
  if (error.field != "rrule") refuse(std::string(error.field), error.error.detail + ".");
  refuse("rrule", "Invalid RRULE. " + error.error.detail + " (at character " +
                      std::to_string(error.error.offset) + ").");
}

// Unless asked from when: what fires next, and what the calendar leaves out before that; of a
// schedule that fires nothing, what is not settled and not due yet, though it may have been
// scheduled before now.
store::Instant shown_after(const Call& call,
                           const store::Flow& flow,
                           const store::Schedule& schedule,
                           const Timetable& timetable) {
  const auto not_due = std::min(std::chrono::floor<std::chrono::seconds>(call.now),
                                timetable.before_due(call.now + std::chrono::milliseconds(1)));
  const auto ahead = std::max(not_due, schedule.settled_to.value_or(not_due));
  const bool flow_fires = core::can_fire(flow.status, flow.trigger_type);
  const auto fires = core::fires_after(schedule, timetable, flow_fires);
  if (!fires) return ahead;
  if (*fires < ahead) return project_paused(call) ? ahead : *fires;
  return schedule.next_run_at && timetable.open_days().leaves_out() ? ahead : *fires;
}

}  // namespace

Response preview_schedule(Call& call) {
  const store::Flow flow = flow_of(call);
  const store::Schedule schedule = schedule_of(call, flow);
  const auto timetable =
      Timetable::compile(schedule, call.context.rules.zones, rules_of(call).calendars);
  if (!timetable) refuse_timing(timetable.error());
  const core::PreviewWindow window{
      .after =
          second_parameter(call, "after").value_or(shown_after(call, flow, schedule, *timetable)),
      .until = second_parameter(call, "until"),
      .count = size_parameter(call, "count", kPreviewCount)};
  return occurrences(core::preview(*timetable, window));
}

Response preview_unsaved(Call& call) {
  json::object body = body_object(call);
  // Of a schedule only what decides its times is read; the jitter is not, as it hangs on the id.
  json::object asked;
  for (const std::string_view key : kPreviewKeys)
    if (const auto* value = body.if_contains(key)) asked.emplace(key, *value);
  for (const std::string_view key : {"after", "until", "count"}) body.erase(key);
  warn_unknown(call, core::unknown_schedule_keys(body));
  auto request = core::preview_from_json(asked, call.context.rules.zones);
  if (!request) {
    auto error = request.error();
    // The engine's own words for codes are more than the API has.
    const bool of_field = error.code == "required" || error.code == "blank" ||
                          error.code == "null" || error.code == "max_length";
    if (error.attr == "timezone" && !of_field) error.detail = "Invalid or unknown timezone.";
    if ((error.attr == "rrule" || error.attr == "timezone") && !of_field)
      error.code = "invalid_input";
    throw Refused{invalid(error)};
  }
  core::PreviewWindow window = request->window;
  window.count = std::min(window.count, kPreviewCount.max);
  if (!asked.contains("after")) window.after = std::chrono::floor<std::chrono::seconds>(call.now);
  request->schedule.project_id = call.project();
  if (const auto* name = body.if_contains("calendar"); name != nullptr && !name->is_null()) {
    if (!name->is_string()) refuse("calendar", "Not a valid string.");
    request->schedule.calendar = name->get_string();
  }
  if (const auto* action = body.if_contains("calendar_action"); action != nullptr) {
    const auto* text = action->if_string();
    const auto word = text ? store::parse_word<store::CalendarAction>(*text) : std::nullopt;
    if (!word)
      refuse("calendar_action", "Not one of " + store::all_words<store::CalendarAction>() + ".");
    request->schedule.calendar_action = *word;
  }
  const auto timetable =
      Timetable::compile(request->schedule, call.context.rules.zones, rules_of(call).calendars);
  if (!timetable) refuse_timing(timetable.error());
  const auto& open_days = timetable->open_days();
  if (open_days.moves_too_often(
          window.after.value_or(request->schedule.starts_at - std::chrono::seconds(1))))
    refuse("calendar_action", std::string(core::kMovedTooOften));
  const auto preview = core::preview(*timetable, window);
  if (preview.cut_short && open_days.moves())
    refuse("calendar_action", "Too many occurrences would be moved to one day; use skip.");
  if (preview.cut_short)
    refuse("rrule", "Invalid RRULE. " + std::string(core::kExhaustedRule) + ".");
  Response response = occurrences(preview);
  response.headers = call.headers;
  return response;
}

Response upcoming(Call& call) {
  const auto from = time_parameter(call, "from");
  const auto to = time_parameter(call, "to").value_or(store::Timestamp::max());
  const auto limit = size_parameter(call, "limit", kUpcomingLimit);
  const auto schedules = candidates(call, from, to, limit);
  const auto firing = firing_flows(call, schedules);
  std::vector<Walk> heap;
  const auto push = [&heap](Walk walk) {
    heap.push_back(std::move(walk));
    std::ranges::push_heap(heap, std::greater<>());
  };
  const auto rules = rules_of(call);
  bool lost = false;
  for (const auto& each : schedules) {
    const auto timetable = Timetable::compile(each, rules.zones, rules.calendars);
    if (!timetable) continue;
    auto after = core::fires_after(each, *timetable, firing.contains(each.flow_id));
    if (!after) continue;
    if (from) after = std::max(*after, timetable->before_due(*from));
    Walk walk{&each, core::PreviewWalk(*timetable, *after), {}};
    if (walk.step(to, lost)) push(std::move(walk));
  }
  json::array items;
  while (!heap.empty() && items.size() < limit) {
    std::ranges::pop_heap(heap, std::greater<>());
    Walk walk = std::move(heap.back());
    heap.pop_back();
    json::object item = core::to_json(walk.item);
    item["schedule"] = to_string(walk.schedule->id);
    item["hog_flow"] = to_string(walk.schedule->flow_id);
    items.push_back(std::move(item));
    if (items.size() < limit && walk.step(to, lost)) push(std::move(walk));
  }
  json::object body{{"occurrences", std::move(items)}};
  if (lost) body["cut_short"] = true;
  return json_response(body);
}

}  // namespace rruled::api
