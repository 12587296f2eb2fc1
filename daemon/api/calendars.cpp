#include "daemon/api/routes.h"
#include "daemon/api/verbs.h"
#include "daemon/core/field_reader.h"
#include "daemon/io/calendar_change.h"

#include <array>

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 7> kCalendarKeys{
    "name", "note", "dates", "rules", "created_at", "updated_at", "version"};
constexpr std::array<std::string_view, 2> kCalendarTexts{"name", "note"};
constexpr std::size_t kNamedMax = 5;

store::CalendarName name_of(const Call& call) {
  return {call.project(), std::string(call.argument("name"))};
}

store::Calendar calendar_of(const Call& call) {
  auto calendar = call.directory().calendar(name_of(call));
  if (!calendar) throw Refused{not_found()};
  return std::move(*calendar);
}

// One that was made anew under its name begins with version 1 again.
std::string etag_of(const store::Calendar& calendar) {
  return "\"" + std::to_string(calendar.created_at.time_since_epoch().count()) + "-" +
         std::to_string(calendar.version) + "\"";
}

Response calendar_response(Call& call, const store::Calendar& calendar, int status = 200) {
  Response response = json_response(core::to_json(calendar), status);
  response.headers = call.headers;
  response.headers.push_back({"ETag", etag_of(calendar)});
  return response;
}

store::Calendar read(const Call& call,
                     const json::object& body,
                     const store::Calendar& base,
                     bool is_new) {
  auto calendar = core::calendar_from_json(body, base, is_new, call.context.rules.zones, call.now);
  if (!calendar) throw Refused{invalid(calendar.error())};
  return std::move(*calendar);
}

// The schedules that name it go on by its new days, in the same transaction.
void move_schedules(const Call& call, const store::Calendar& after, store::ChangeSet& changes) {
  const auto refusal = io::move_schedules(
      {call.store(), call.directory(), call.context.rules.zones}, after, call.now, changes);
  if (!refusal) return;
  throw Refused{refusal->days ? invalid(*refusal->days) : problem(409, refusal->text)};
}

}  // namespace

Response list_calendars(Call& call) {
  const auto rows = call.directory().calendars(call.project());
  const auto range = page_range(call);
  PageRows results(call.context.page_bytes_max);
  for (std::size_t i = range.offset;
       i < rows.size() && results.size() < range.limit && !results.is_full(); ++i)
    results.add(core::to_json(rows[i]));
  return page_response(call, std::move(results), rows.size(), range);
}

Response create_calendar(Call& call) {
  const json::object body = body_object(call, {.texts = kCalendarTexts});
  warn_unknown(call, core::FieldReader::unknown_keys(body, kCalendarKeys));
  store::Calendar base;
  base.project_id = call.project();
  base.created_at = call.now;
  const store::Calendar calendar = read(call, body, base, true);
  std::optional<store::Calendar> known;
  write_changes(call, [&] {
    store::ChangeSet changes;
    known = call.directory().calendar({calendar.project_id, calendar.name});
    if (known && known->days == calendar.days && known->note == calendar.note)
      return changes;  // the same again, or at one time
    if (known)
      throw Refused{problem(
          409, "There is a calendar \"" + calendar.name + "\" already: change it with PATCH.")};
    changes.calendars.push_back({calendar, std::nullopt});
    const json::object after = core::to_json(calendar);
    changes.audit.push_back(
        audit_entry(call, "create", "calendar", calendar.name, nullptr, &after));
    return changes;
  });
  return calendar_response(call, known.value_or(calendar), 201);
}

Response get_calendar(Call& call) {
  return unless_known(call, calendar_response(call, calendar_of(call)));
}

Response patch_calendar(Call& call) {
  const json::object body = body_object(call, {.texts = kCalendarTexts});
  warn_unknown(call, core::FieldReader::unknown_keys(body, kCalendarKeys));
  write_changes(call, [&] {
    const store::Calendar before = calendar_of(call);
    check_conditions(call, etag_of(before));
    const store::Calendar after = read(call, body, before, false);
    if (after.name != before.name) refuse("name", "A calendar keeps its name: make another one.");
    store::ChangeSet changes;
    if (after.note == before.note && after.days == before.days) return changes;
    changes.calendars.push_back({after, before.version});
    if (after.days != before.days) move_schedules(call, after, changes);
    const json::object was = core::to_json(before);
    const json::object is = core::to_json(after);
    changes.audit.push_back(audit_entry(call, "update", "calendar", after.name, &was, &is));
    return changes;
  });
  return calendar_response(call, calendar_of(call));
}

Response delete_calendar(Call& call) {
  write_changes(call, [&] {
    const store::Calendar before = calendar_of(call);
    check_conditions(call, etag_of(before));
    const auto [users, count] =
        io::schedules_of_calendar(call.directory(), name_of(call), kNamedMax);
    if (!users.empty()) {
      std::string names;
      for (const auto& each : users) names += (names.empty() ? "" : ", ") + to_string(each.id);
      if (count > kNamedMax) names += " and " + std::to_string(count - kNamedMax) + " more";
      throw Refused{problem(409, "Schedules name this calendar: " + names +
                                     ". Give them another one, or null, first.")};
    }
    store::ChangeSet changes;
    changes.delete_calendars.push_back({before.project_id, before.name});
    const json::object was = core::to_json(before);
    changes.audit.push_back(audit_entry(call, "delete", "calendar", before.name, &was, nullptr));
    return changes;
  });
  return {.status = 204};
}

}  // namespace rruled::api
