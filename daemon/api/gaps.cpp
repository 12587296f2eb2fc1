#include "daemon/api/routes.h"

namespace rruled::api {
namespace {

// "1767603600000.0190...1767600000000": the last gap of the page before.
std::string cursor_text(const store::Gap& gap) {
  const auto place = place_of(gap);
  return std::to_string(place.to.time_since_epoch().count()) + "." + to_string(place.schedule_id) +
         "." + std::to_string(place.from.time_since_epoch().count());
}

std::optional<store::GapCursor> gap_cursor_of(const Call& call) {
  const std::string* parameter = call.parameter("cursor");
  if (parameter == nullptr) return std::nullopt;
  const std::string_view text = *parameter;
  const auto first = text.find('.');
  const auto last = text.rfind('.');
  if (first != last) {
    const auto to = cursor_time(text.substr(0, first));
    const auto schedule =
        store::parse_id<store::ScheduleId>(text.substr(first + 1, last - first - 1));
    const auto from = cursor_time(text.substr(last + 1));
    if (to && schedule && from) return store::GapCursor{*to, *schedule, *from};
  }
  refuse_cursor();
}

}  // namespace

Response list_gaps(Call& call) {
  store::GapFilter filter{.project_id = call.project()};
  filter.flow_id = id_parameter<store::FlowId>(call, "flow");
  filter.schedule_id = id_parameter<store::ScheduleId>(call, "schedule");
  filter.reason = word_parameter<store::GapReason>(call, "reason");
  filter.from = time_parameter(call, "from");
  filter.to = time_parameter(call, "to");
  filter.before = gap_cursor_of(call);
  const auto limit = cursor_limit(call);
  const auto rows = call.directory().gaps(filter, {limit + 1, 0});
  return cursor_page(call, rows, limit, [](const auto& row) { return cursor_text(row.gap); });
}

}  // namespace rruled::api
