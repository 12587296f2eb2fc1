#include "daemon/api/routes.h"
#include "daemon/core/preview.h"
#include "rrule/occurrence.h"

#include <algorithm>
#include <queue>

namespace rruled::api {
namespace {

namespace json = boost::json;
using core::Timetable;

constexpr std::size_t kCountMax = 1'000;
constexpr std::size_t kSchedulesMax = 10'000;  // that upcoming looks at, when `from` is ahead

Response occurrences(const core::Preview& preview) {
  json::array items;
  for (const auto& each : preview.items) items.push_back(core::to_json(each));
  return json_response(json::object{{"occurrences", std::move(items)}});
}

// Whole seconds, so that what is after (exclusive) or until (inclusive) stays so.
std::optional<store::Instant> second_parameter(const Call& call, std::string_view name) {
  const auto time = time_parameter(call, name);
  if (!time) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*time);
}

// One schedule on its way through time.
struct Walk {
  const store::Schedule* schedule;
  Timetable timetable;
  core::PreviewItem item;

  [[nodiscard]] bool step(store::Instant after, store::Timestamp to) {
    auto next = core::preview(timetable, {.after = after, .until = std::nullopt, .count = 1});
    if (next.items.empty() || next.items.front().due_at >= to) return false;
    item = next.items.front();
    return true;
  }
  friend bool operator>(const Walk& a, const Walk& b) {
    return std::tie(a.item.due_at, a.schedule->id) > std::tie(b.item.due_at, b.schedule->id);
  }
};

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
  auto page = call.directory().schedules(filter, {at_once ? limit : kSchedulesMax, 0});
  if (!at_once && page.count > kSchedulesMax)
    refuse("from", "With more than " + std::to_string(kSchedulesMax) +
                       " schedules it must not be ahead of now.");
  return std::move(page.rows);
}

}  // namespace

Response preview_schedule(Call& call) {
  const store::Schedule schedule = schedule_of(call, flow_of(call));
  const auto timetable = Timetable::compile(schedule, call.context.rules.zones);
  if (!timetable)
    refuse(std::string(timetable.error().field), timetable.error().error.detail + ".");
  const core::PreviewWindow window{
      .after = second_parameter(call, "after")
                   .value_or(std::chrono::floor<std::chrono::seconds>(call.now)),
      .until = second_parameter(call, "until"),
      .count = size_parameter(call, "count", 10, kCountMax)};
  return occurrences(core::preview(*timetable, window));
}

Response preview_unsaved(Call& call) {
  auto request = core::preview_from_json(body_object(call), call.context.rules.zones);
  if (!request) {
    auto error = request.error();
    // The engine's own words for codes are more than the API has.
    if (error.attr == "rrule" || error.attr == "timezone") error.code = "invalid_input";
    throw Refused{invalid(error)};
  }
  request->window.count = std::min(request->window.count, kCountMax);
  const auto timetable = Timetable::compile(request->schedule, call.context.rules.zones);
  if (!timetable)
    refuse(std::string(timetable.error().field),
           (timetable.error().field == "rrule" ? "Invalid RRULE. " : "") +
               timetable.error().error.detail + ".");
  return occurrences(core::preview(*timetable, request->window));
}

Response upcoming(Call& call) {
  const auto from = time_parameter(call, "from");
  const auto to = time_parameter(call, "to").value_or(store::Timestamp::max());
  const auto limit = size_parameter(call, "limit", 100, kCountMax);
  const auto schedules = candidates(call, from, to, limit);
  std::priority_queue<Walk, std::vector<Walk>, std::greater<>> queue;
  for (const auto& each : schedules) {
    auto timetable = Timetable::compile(each, call.context.rules.zones);
    if (!timetable || !each.next_run_at) continue;
    store::Instant after = *each.next_run_at - std::chrono::seconds(1);
    if (from)
      after =
          std::max(after, std::chrono::ceil<std::chrono::seconds>(*from) - std::chrono::seconds(1));
    Walk walk{&each, std::move(*timetable), {}};
    if (walk.step(after, to)) queue.push(std::move(walk));
  }
  json::array items;
  while (!queue.empty() && items.size() < limit) {
    Walk walk = queue.top();
    queue.pop();
    json::object item = core::to_json(walk.item);
    item["schedule"] = to_string(walk.schedule->id);
    item["hog_flow"] = to_string(walk.schedule->flow_id);
    items.push_back(std::move(item));
    if (walk.step(walk.item.occurrence.instant, to)) queue.push(std::move(walk));
  }
  return json_response(json::object{{"occurrences", std::move(items)}});
}

}  // namespace rruled::api
