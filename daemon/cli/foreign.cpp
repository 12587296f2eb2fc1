#include "daemon/cli/foreign.h"

#include "daemon/cli/output.h"
#include "daemon/core/duration.h"
#include "daemon/core/flow_json.h"
#include "daemon/core/time_text.h"
#include "daemon/core/timetable.h"
#include "rrule/crontab.h"
#include "rrule/ical.h"
#include "store/ids.h"
#include "store/utf8.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace rruled::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kFlowNameMax = 399;  // characters
constexpr int kNextMax = 10;
constexpr std::size_t kQuoteWidth = 100;        // characters of a line of the file
constexpr const char* kCommandKey = "command";  // the variable

// Frozen: the ids of what was imported must not change between versions.
constexpr boost::uuids::uuid kForeignSpace{{0x3b, 0x7e, 0x52, 0x1c, 0x64, 0x0f, 0x5d, 0x0a, 0x8c,
                                            0x19, 0x02, 0xd6, 0x9f, 0x4b, 0x77, 0xe1}};
constexpr std::size_t kVersionByte = 6;

// Of version 8 (RFC 9562, 5.8): `apply` deletes those that it could have made itself.
boost::uuids::uuid foreign_id(const boost::uuids::uuid& space, const std::string& key) {
  auto id = store::uuid_v5(space, key);
  id.data[kVersionByte] = static_cast<std::uint8_t>((id.data[kVersionByte] & 0x0fU) | 0x80U);
  return id;
}

struct Found {
  std::size_t line = 0;
  std::string known_by;
  // What the file says of it at each import, and what holds when it comes in first.
  json::object flow, new_flow;
  json::object schedule, new_schedule;
  bool without_zone = false;
};

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

json::object over(json::object fields, const json::object& said) {
  if (said.contains("starts_at_local")) fields.erase("starts_at");
  for (const auto& [key, value] : said) fields[key] = value;
  return fields;
}

// What an iCalendar file has no words for, though it bears on when the schedule fires; empty: none.
std::string lost_in_calendar(const store::Schedule& row) {
  const store::Schedule plain;
  std::string lost;
  const auto lose = [&lost](bool is, const std::string& what) {
    if (is) lost += (lost.empty() ? "" : ", ") + what;
  };
  lose(row.status == store::ScheduleStatus::paused, "that it is paused");
  lose(!row.calendar.empty(), "its calendar " + row.calendar);
  lose(row.dst_gap != plain.dst_gap, "dst_gap " + std::string(store::word(row.dst_gap)));
  lose(row.dst_fold != plain.dst_fold, "dst_fold " + std::string(store::word(row.dst_fold)));
  lose(row.jitter != plain.jitter, "jitter " + core::duration_text(row.jitter));
  return lost;
}

// Collects what could be stored; one entry that cannot does not stop the others.
class Foreign {
 public:
  // Notes quote `lines`, where they are given.
  Foreign(Session& session,
          const ForeignOptions& options,
          const std::string& kind,
          std::vector<std::string_view> lines)
      : session_(session),
        options_(options),
        lines_(std::move(lines)),
        key_(std::to_string(options.project_id) + "\n" + kind + "\n" + options.source + "\n") {}

  void note(const std::vector<rrule::ImportNote>& notes) {
    for (const auto& each : notes) note(each);
  }

  void drop(std::size_t line, std::string why) {
    note({line, rrule::ImportNote::Kind::dropped, std::move(why)});
  }

  void add(const Found& found) {
    core::BundleFlow said;
    said.id = id_of(found.known_by, ++alike_[found.known_by]);
    said.project_id = options_.project_id;
    said.path = "line " + std::to_string(found.line);
    said.fields = found.flow;
    said.schedules.push_back(
        {found.schedule, store::ScheduleId{foreign_id(said.id->value, "schedule")}, said.path});
    core::BundleFlow flow = said;
    flow.fields =
        over(over({{"status", "active"}, {"trigger", {{"type", "schedule"}}}}, found.new_flow),
             found.flow);
    flow.schedules.front().fields = over(found.new_schedule, found.schedule);
    const auto plan =
        core::plan_bundle({flow}, {}, core::BundleUse::import, session_.rules(), session_.now());
    if (!plan) return drop(found.line, plan.error().detail);
    // A calendar keeps what is over for years.
    if (plan->changes.schedules.front().schedule.status == store::ScheduleStatus::completed)
      return drop(found.line, std::string(core::kNoFuture));
    if (found.without_zone) result_.without_zone.insert(*said.schedules.front().id);
    result_.bundle.push_back(std::move(flow));
    result_.said.push_back(std::move(said));
  }

  ForeignBundle take() {
    for (const auto& [known_by, count] : alike_) {
      auto& next = result_.next.emplace_back();
      for (int more = 1; more <= kNextMax; ++more) next.push_back(id_of(known_by, count + more));
    }
    for (const auto line : dropped_) altered_.erase(line);
    result_.dropped = dropped_.size();
    result_.altered = altered_.size();
    return std::move(result_);
  }

 private:
  void note(const rrule::ImportNote& note) {
    const bool dropped = note.kind == rrule::ImportNote::Kind::dropped;
    (dropped ? dropped_ : altered_).insert(note.line);
    std::string text = "line " + std::to_string(note.line) + ": " +
                       (dropped ? "dropped: " : "altered: ") + cell(note.text);
    if (note.line > 0 && note.line <= lines_.size())
      text += "\n    " + cell(lines_[note.line - 1], kQuoteWidth);
    result_.notes.push_back(std::move(text));
  }

  [[nodiscard]] store::FlowId id_of(const std::string& known_by, int which) const {
    return {foreign_id(kForeignSpace, key_ + std::to_string(which) + "\n" + known_by)};
  }

  Session& session_;
  const ForeignOptions& options_;
  const std::vector<std::string_view> lines_;
  const std::string key_;
  std::set<std::size_t> dropped_, altered_;  // lines
  std::map<std::string, int> alike_;         // how many of what an entry is known by
  ForeignBundle result_;
};

}  // namespace

ForeignBundle bundle_of_crontab(Session& session,
                                const std::string& text,
                                const ForeignOptions& options) {
  const auto kind =
      options.from == "crontab" ? rrule::CrontabKind::user : rrule::CrontabKind::system;
  const auto crontab = rrule::read_crontab(text, kind);
  if (!crontab) throw Failure(kRefused, "crontab: " + crontab.error().detail);
  Foreign foreign(session, options, options.from, split_lines(text));
  foreign.note(crontab->notes);
  for (const auto& entry : crontab->entries) {
    if (kind == rrule::CrontabKind::user &&
        (entry.command.starts_with("root ") || entry.command.starts_with("root\t")))
      throw Failure(kRefused, "line " + std::to_string(entry.line) +
                                  ": begins with the user root, as /etc/crontab and the files of"
                                  " /etc/cron.d do: import it --from system-crontab (a program of"
                                  " that name: write its path)");
    if (store::first_bad_byte(entry.user) || store::first_bad_byte(entry.command)) {
      foreign.drop(entry.line, "it is not UTF-8, or has a byte 0 (iconv converts a file)");
      continue;
    }
    const std::string& zone = entry.zone.empty() ? options.zone : entry.zone;
    json::array variables{{{"key", kCommandKey}, {"type", "string"}, {"default", entry.command}}};
    if (!entry.user.empty())
      variables.push_back({{"key", "user"}, {"type", "string"}, {"default", entry.user}});
    Found found{.line = entry.line,
                .known_by = entry.user.empty() ? entry.command : entry.user + "\n" + entry.command,
                .flow = {},
                .new_flow = {{"name", cell(entry.command, kFlowNameMax)}, {"variables", variables}},
                .schedule = {{"rrule", entry.recurrence}},
                .new_schedule = {{"starts_at", "now"}, {"timezone", zone.empty() ? "UTC" : zone}},
                .without_zone = zone.empty()};
    if (!zone.empty()) found.schedule["timezone"] = zone;
    if (entry.had_input) {
      found.new_schedule["status"] = "paused";
      found.new_schedule["note"] = "The command's input after % is missing.";
    }
    foreign.add(found);
  }
  return foreign.take();
}

ForeignBundle bundle_of_calendar(Session& session,
                                 const std::string& text,
                                 const ForeignOptions& options) {
  const auto calendar = rrule::read_calendar(text, session.zones(), options.zone);
  if (!calendar)
    throw Failure(kRefused, "calendar: " + calendar.error().detail + " (at byte " +
                                std::to_string(calendar.error().offset) + ")");
  Foreign foreign(session, options, "ics", {});
  foreign.note(calendar->notes);
  for (const auto& entry : calendar->entries)
    foreign.add(
        {.line = entry.line,
         .known_by = entry.uid.empty() ? entry.name : entry.uid,
         .flow = {{"name", cell(entry.name.empty() ? entry.uid : entry.name, kFlowNameMax)}},
         .new_flow = {},
         .schedule = {{"rrule", entry.recurrence},
                      {"starts_at_local", core::iso_local(entry.starts_at_local)},
                      {"timezone", entry.zone}},
         .new_schedule = {}});
  return foreign.take();
}

std::string zone_of_machine(const std::filesystem::path& etc) {
  static constexpr std::string_view kFolder = "/zoneinfo/";
  static const std::set<std::string> kUtc{"UTC", "UCT", "Universal", "Zulu"};
  std::error_code error;
  const std::string file = std::filesystem::read_symlink(etc / "localtime", error).string();
  const auto at = file.rfind(kFolder);
  if (at == std::string::npos) return {};
  std::string name = file.substr(at + kFolder.size());
  return kUtc.contains(name.substr(name.rfind('/') + 1)) ? std::string() : name;
}

bool has_command(const store::Flow& flow) {
  const auto variables = core::parse_json(flow.variables);
  if (!variables || !variables->is_array()) return false;
  return std::ranges::any_of(variables->get_array(), [](const json::value& each) {
    const auto* object = each.if_object();
    const auto* key = object != nullptr ? object->if_contains("key") : nullptr;
    return key != nullptr && *key == kCommandKey;
  });
}

CommandFate fate_of_command(Session& session, const std::string& executor) {
  const auto& known = session.config().executors;
  const auto found = std::ranges::find(known, executor, &io::ExecutorConfig::name);
  if (found == known.end()) return CommandFate::waits;
  return found->type == io::ExecutorType::log ? CommandFate::logged : CommandFate::runs;
}

core::Bundle over_stored(const ForeignBundle& foreign, const core::StoredRows& stored) {
  core::Bundle bundle = foreign.bundle;
  for (std::size_t i = 0; i < bundle.size(); ++i) {
    auto& flow = bundle[i];
    const auto& said = foreign.said[i];
    if (const auto row = stored.flows.find(*flow.id); row != stored.flows.end()) {
      flow.fields = over(core::to_json(row->second), said.fields);
      flow.fields.erase("updated_at");
    }
    auto& schedule = flow.schedules.front();
    if (const auto row = stored.schedules.find(*schedule.id); row != stored.schedules.end()) {
      schedule.fields = over(core::to_json(row->second), said.schedules.front().fields);
      for (const auto* key : {"updated_at", "status"}) schedule.fields.erase(key);
    }
  }
  return bundle;
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
    if (const auto lost = lost_in_calendar(row); !lost.empty())
      notes.push_back("schedule " + to_string(row.id) + ": altered: without " + lost);
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
