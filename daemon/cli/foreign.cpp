#include "daemon/cli/foreign.h"

#include "daemon/cli/output.h"
#include "daemon/core/time_text.h"
#include "daemon/core/timetable.h"
#include "rrule/crontab.h"
#include "rrule/ical.h"

#include <algorithm>
#include <map>

namespace rruled::cli {
namespace {

namespace json = boost::json;

struct Found {
  std::size_t line = 0;
  std::string name;
  json::array variables;
  json::object schedule;
};

std::string import_note_text(const rrule::ImportNote& note) {
  return "line " + std::to_string(note.line) + ": " +
         (note.kind == rrule::ImportNote::Kind::dropped ? "dropped: " : "altered: ") + note.text;
}

// Keeps what could be stored; one entry that cannot does not stop the others.
void add(Session& session, const ForeignOptions& options, Found found, ForeignBundle& result) {
  core::BundleFlow flow;
  flow.project_id = options.project_id;
  flow.path = "line " + std::to_string(found.line);
  flow.fields = {{"name", cell(found.name, 399)},
                 {"status", "active"},
                 {"trigger", {{"type", "schedule"}}},
                 {"variables", std::move(found.variables)}};
  flow.schedules.push_back({std::move(found.schedule), std::nullopt, flow.path});
  const auto plan =
      core::plan_bundle({flow}, {}, core::BundleUse::import, session.rules(), session.now());
  if (plan)
    result.bundle.push_back(std::move(flow));
  else
    result.notes.push_back(flow.path + ": dropped: " + plan.error().detail);
}

}  // namespace

ForeignBundle bundle_of_crontab(Session& session,
                                const std::string& text,
                                const ForeignOptions& options) {
  const auto crontab = rrule::read_crontab(text);
  if (!crontab) throw Failure(kRefused, "crontab: " + crontab.error().detail);
  ForeignBundle result;
  for (const auto& note : crontab->notes) result.notes.push_back(import_note_text(note));
  for (const auto& entry : crontab->entries) {
    std::string zone = entry.zone.empty() ? options.zone : entry.zone;
    if (zone.empty()) zone = "UTC";
    add(session, options,
        {entry.line,
         entry.command,
         {{{"key", "command"}, {"type", "string"}, {"default", entry.command}}},
         {{"rrule", entry.recurrence}, {"starts_at", "now"}, {"timezone", zone}}},
        result);
  }
  return result;
}

ForeignBundle bundle_of_calendar(Session& session,
                                 const std::string& text,
                                 const ForeignOptions& options) {
  const auto calendar = rrule::read_calendar(text, session.zones(), options.zone);
  if (!calendar)
    throw Failure(kRefused, "calendar: " + calendar.error().detail + " (at byte " +
                                std::to_string(calendar.error().offset) + ")");
  ForeignBundle result;
  for (const auto& note : calendar->notes) result.notes.push_back(import_note_text(note));
  for (const auto& entry : calendar->entries)
    add(session, options,
        {entry.line,
         entry.name.empty() ? entry.uid : entry.name,
         {},
         {{"rrule", entry.recurrence},
          {"starts_at_local", core::iso_local(entry.starts_at_local)},
          {"timezone", entry.zone}}},
        result);
  return result;
}

std::string calendar_of(Session& session,
                        const std::vector<store::Flow>& flows,
                        const std::vector<store::Schedule>& schedules,
                        std::vector<std::string>& notes) {
  std::map<store::FlowId, std::string> names;
  for (const auto& each : flows) names[each.id] = each.name.value_or("");
  std::vector<rrule::CalendarEntry> entries;
  for (const auto& row : schedules) {
    const auto timetable =
        core::Timetable::compile(row, session.zones(), session.rules().calendars);
    if (!timetable || timetable->recurrence().never()) {
      notes.push_back("schedule " + to_string(row.id) + ": dropped: " +
                      (timetable ? "it has no occurrence" : timetable.error().error.detail));
      continue;
    }
    const auto& zone = *timetable->recurrence().zone();
    entries.push_back({0, to_string(row.id), names[row.flow_id], zone.to_local(row.starts_at),
                       row.timezone, row.rrule});
  }
  const auto calendar = rrule::write_calendar(
      entries, session.zones(), std::chrono::floor<std::chrono::seconds>(session.now()));
  if (!calendar) throw Failure(kRefused, "calendar: " + calendar.error().detail);
  for (const auto& note : calendar->notes)
    notes.push_back("schedule " + entries.at(note.entry).uid + ": altered: " + note.text);
  return calendar->text;
}

}  // namespace rruled::cli
