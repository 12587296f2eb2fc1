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

PreviewWalk::PreviewWalk(const Timetable& timetable, Instant after)
    : timetable_(timetable),
      walk_(timetable.open_days(), after),
      last_(after),
      ahead_(walk_.next()) {}

std::optional<PreviewItem> PreviewWalk::next() {
  if (!ahead_) return std::nullopt;
  const Placed placed = *std::exchange(ahead_, walk_.next());
  last_ = placed.occurrence.instant;
  // Jitter does not go beyond it, and a search of its own may find it where this one gave up.
  auto following = ahead_ ? std::optional<Instant>(ahead_->occurrence.instant) : std::nullopt;
  if (exhausted())
    if (const auto found = timetable_.open_days().next(last_))
      following = found->occurrence.instant;
  return PreviewItem{placed.occurrence, timetable_.due_at(last_, following), placed.moved_from};
}

bool PreviewWalk::lost(std::optional<Instant> until) const {
  if (!exhausted()) return false;
  if (!until) return true;
  bool unknown = false;
  return timetable_.count(last_ + seconds(1), *until, &unknown) > 0 || unknown;
}

Preview preview(const Timetable& timetable, const PreviewWindow& window) {
  Preview result;
  const Instant after = window.after.value_or(timetable.recurrence().starts_at() - seconds(1));
  PreviewWalk walk(timetable, after);
  while (walk.ahead() && result.items.size() < window.count &&
         (!window.until || walk.ahead()->occurrence.instant <= *window.until))
    result.items.push_back(*walk.next());
  result.exhausted = walk.exhausted();
  result.ended = !walk.ahead() && !result.exhausted;
  result.cut_short = result.items.size() < window.count && walk.lost(window.until);
  std::optional<Instant> end;
  if (result.items.size() < window.count && window.until)
    end = *window.until;
  else if (!result.items.empty())
    end = result.items.back().occurrence.instant;
  if (!end) return result;
  auto excluded = timetable.open_days().excluded(after, *end, std::max(window.count, kExcludedMin),
                                                 &result.excluded_cut_short);
  result.excluded = std::move(excluded.newest);
  result.excluded_before = excluded.count - result.excluded.size();
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
  if (preview.excluded_cut_short) object["excluded_cut_short"] = true;
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
