#include "daemon/core/preview.h"

#include "daemon/core/field_reader.h"
#include "daemon/core/time_text.h"
#include "rrule/zone_database.h"

#include <array>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::array<std::string_view, 10> kPreviewKeys{
    "id",    "rrule", "starts_at", "starts_at_local", "timezone",
    "after", "until", "count",     "dst_gap",         "dst_fold"};

// A start is an instant or wall-clock time, each under its own key.
void read_start(FieldReader& fields,
                const json::object& object,
                const rrule::TimeZone& zone,
                Instant& start) {
  const auto* local = fields.find("starts_at_local");
  const bool given = object.contains("starts_at");
  if (local && given)
    fields.refuse(invalid("starts_at", "Give starts_at or starts_at_local, not both."));
  if (!local && !given)
    fields.refuse("starts_at", "required", "starts_at or starts_at_local is required.");
  if (!local) {
    Timestamp instant{};
    fields.instant("starts_at", instant);
    start = std::chrono::floor<seconds>(instant);
    return;
  }
  const auto* text = local->if_string();
  const auto time = parse_time(text ? std::string_view(*text) : std::string_view());
  if (time && std::holds_alternative<rrule::local_seconds>(*time))
    start = rrule::start_instant(std::get<rrule::local_seconds>(*time), zone);
  else
    fields.refuse(invalid("starts_at_local",
                          "Must be a wall-clock time without offset, as in 2026-01-31T09:00:00."));
}

// A bound may have a fraction: `after` counts occurrences beyond it, `until` those not beyond it,
// so whole seconds below are the same bound.
void read_bound(FieldReader& fields, std::string_view key, std::optional<Instant>& bound) {
  const auto* value = fields.find(key);
  if (!value || value->is_null()) return;
  Timestamp instant{};
  fields.instant(key, instant);
  bound = std::chrono::floor<seconds>(instant);
}

// Of what the calendar leaves out, so many are listed also when fewer occurrences are asked for.
constexpr std::size_t kExcludedMin = 100;

// Whether what was not searched through may have more of the window.
bool is_cut_short(const Timetable& timetable, const PreviewWindow& window, const Preview& found) {
  if (!found.exhausted || found.items.size() >= window.count) return false;
  if (!window.until) return true;
  const Instant before = timetable.recurrence().starts_at() - seconds(1);
  const Instant last =
      found.items.empty() ? window.after.value_or(before) : found.items.back().occurrence.instant;
  bool unknown = false;
  return timetable.count(last + seconds(1), *window.until, &unknown) > 0 || unknown;
}

// With a calendar: from one kept day to the next.
Preview preview_of_open_days(const Timetable& timetable, const PreviewWindow& window) {
  Preview result;
  const OpenDays& open_days = timetable.open_days();
  const Instant after = window.after.value_or(timetable.recurrence().starts_at() - seconds(1));
  auto found = open_days.next(after, &result.exhausted);
  while (found && result.items.size() < window.count &&
         (!window.until || found->occurrence.instant <= *window.until)) {
    const Instant instant = found->occurrence.instant;
    const auto slot = timetable.next(instant - seconds(1));
    result.items.push_back(
        {found->occurrence, slot ? slot->due_at : Timestamp(instant), found->moved_from});
    found = open_days.next(instant, &result.exhausted);
  }
  result.ended = !found && !result.exhausted;
  result.cut_short = is_cut_short(timetable, window, result);
  std::optional<Instant> end;
  if (result.items.size() < window.count && window.until)
    end = *window.until;
  else if (!result.items.empty())
    end = result.items.back().occurrence.instant;
  if (!end) return result;
  auto excluded = open_days.excluded(after, *end, std::max(window.count, kExcludedMin));
  result.excluded = std::move(excluded.newest);
  result.excluded_before = excluded.count - result.excluded.size();
  return result;
}

}  // namespace

std::optional<Instant> fires_after(const store::Schedule& row,
                                   const Timetable& timetable,
                                   bool flow_fires) {
  if (row.next_run_at) return *row.next_run_at - seconds(1);
  if (row.status != store::ScheduleStatus::paused || !row.paused_until || !flow_fires)
    return std::nullopt;
  const Instant after = timetable.before_due(*row.paused_until);
  return std::max(after, row.settled_to.value_or(after));
}

Preview preview(const Timetable& timetable, const PreviewWindow& window) {
  if (timetable.open_days().leaves_out() || timetable.open_days().moves())
    return preview_of_open_days(timetable, window);
  Preview result;
  rrule::OccurrenceIterator walk(timetable.recurrence());
  if (window.after) walk.seek(*window.after);
  auto occurrence = walk.next();
  while (occurrence && result.items.size() < window.count &&
         (!window.until || occurrence->instant <= *window.until)) {
    const auto slot = timetable.next(occurrence->instant - seconds(1));
    result.items.push_back({*occurrence, slot ? slot->due_at : Timestamp(occurrence->instant)});
    occurrence = walk.next();
  }
  result.ended = !occurrence && !walk.exhausted();
  result.exhausted = walk.exhausted();
  result.cut_short = is_cut_short(timetable, window, result);
  return result;
}

namespace {

json::object times_of(const rrule::Occurrence& occurrence) {
  const seconds offset =
      occurrence.local.time_since_epoch() - occurrence.instant.time_since_epoch();
  return {{"scheduled_for", iso_microseconds(occurrence.instant)},
          {"local", iso_local(occurrence.local)},
          {"offset", iso_offset(offset)}};
}

}  // namespace

json::object to_json(const PreviewItem& item) {
  const auto& occurrence = item.occurrence;
  const json::object times = times_of(occurrence);
  json::object object{{"scheduled_for", times.at("scheduled_for")},
                      {"due_at", iso_microseconds(item.due_at)},
                      {"local", times.at("local")},
                      {"offset", times.at("offset")}};
  if (item.moved_from) {
    object["note"] = "calendar_moved";
    object["moved_from"] = iso_local(*item.moved_from);
  } else if (occurrence.note != rrule::Note::none) {
    object["note"] = to_string(occurrence.note);
  }
  return object;
}

json::object to_json(const Preview& preview) {
  json::array items;
  for (const auto& each : preview.items) items.push_back(to_json(each));
  json::object object{{"occurrences", std::move(items)}};
  if (preview.cut_short) object["cut_short"] = true;
  if (preview.excluded.empty()) return object;
  json::array excluded;
  for (const auto& each : preview.excluded) excluded.push_back(times_of(each));
  object["excluded"] = std::move(excluded);
  if (preview.excluded_before > 0) object["excluded_before"] = preview.excluded_before;
  return object;
}

FieldResult<PreviewRequest> preview_from_json(const json::object& object,
                                              const rrule::ZoneDatabase& zones) {
  PreviewRequest request;
  store::Schedule& row = request.schedule;
  FieldReader fields(object);
  if (auto unknown = FieldReader::unknown_keys(object, kPreviewKeys); !unknown.empty())
    return FieldError{unknown.front(), "invalid_input", "Unknown field."};
  fields.text("rrule", row.rrule, {.required = true});
  fields.text("timezone", row.timezone, {.length_max = 64});
  if (fields.failed()) return *fields.error();
  const auto zone = zones.find(row.timezone);
  if (!zone)
    return FieldError{
        "timezone", to_string(zone.error().code), zone.error().detail, {}, zone.error().offset};
  read_start(fields, object, **zone, row.starts_at);
  if (!fields.failed() && !rrule::start_in_range(row.starts_at, **zone))
    fields.refuse(invalid(object.contains("starts_at") ? "starts_at" : "starts_at_local",
                          std::string(kStartRange) + "."));
  read_bound(fields, "after", request.window.after);
  read_bound(fields, "until", request.window.until);
  fields.integer("count", request.window.count, 0, kPreviewCountMax);
  fields.word("dst_gap", row.dst_gap);
  fields.word("dst_fold", row.dst_fold);
  if (fields.failed()) return *fields.error();
  return request;
}

}  // namespace rruled::core
