#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/audit.h"
#include "daemon/core/excluded_days.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/time_text.h"
#include "rrule/ical.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kSchedulesMax = 100'000;
constexpr std::size_t kShown = 30;

struct CalendarOptions {
  std::string name, note, file;
  std::vector<std::string> dates, rules;
  std::int64_t project = 1;
  bool replace = false;
  Format format = Format::table;
};

store::Calendar find_calendar(Session& session, const CalendarOptions& options) {
  auto calendar = session.directory().calendar({options.project, options.name});
  if (!calendar)
    throw Failure(kRefused, "no calendar \"" + options.name + "\" in project " +
                                std::to_string(options.project) +
                                "\n`rruled calendar list` shows them all.");
  return std::move(*calendar);
}

std::vector<store::Schedule> schedules_with(Session& session, const store::Calendar& calendar) {
  store::ScheduleFilter filter{.project_id = calendar.project_id};
  filter.calendar = calendar.name;
  return session.directory().schedules(filter, {kSchedulesMax, 0}).rows;
}

store::AuditEntry line_of(Session& session,
                          std::string_view action,
                          const store::Calendar& calendar,
                          const json::object* before,
                          const json::object* after) {
  return core::audit_line(session.now(), audit_actor(), action,
                          {calendar.project_id, "calendar", calendar.name}, before, after);
}

// The schedules that name it go on by its new days, in the same transaction.
void move_schedules(Session& session,
                    store::Store& store,
                    const store::Calendar& after,
                    store::ChangeSet& changes) {
  auto days = core::ExcludedDays::compile(after.days, session.zones());
  if (!days) throw Failure(days.error());
  const auto now_days = [days = std::move(*days)](std::int64_t, const std::string&) {
    return days;
  };
  std::map<store::ScheduleId, store::Schedule> before;
  const auto schedules = schedules_with(session, after);
  for (const auto& each : schedules) before.emplace(each.id, each);
  const auto fires = [&](store::FlowId id) {
    const auto flow = store.flow(id);
    return flow && core::can_fire(flow->status, flow->trigger_type);
  };
  for (auto& change : core::calendar_changes(schedules, session.rules().calendars, now_days, fires,
                                             session.zones(), session.now())) {
    const auto& row = before.at(change.schedule.id);
    core::put(changes, std::move(change), &row);
  }
}

// Writes what `object` says of the calendar; gives it as it is then.
store::Calendar write_calendar(Session& session,
                               const CalendarOptions& options,
                               const json::object& object,
                               bool may_exist) {
  write_changes(session.store_to_write(), session.clock(), [&](store::Store& store) {
    const auto before = session.directory().calendar({options.project, options.name});
    if (before && !may_exist)
      throw Failure(kRefused, "calendar \"" + options.name +
                                  "\" exists already: `rruled calendar import --replace` or "
                                  "`rruled calendar delete` it first");
    store::Calendar base = before.value_or(store::Calendar{});
    if (!before) base.created_at = session.now();
    base.project_id = options.project;
    base.name = options.name;
    const auto after =
        core::calendar_from_json(object, base, false, session.zones(), session.now());
    if (!after) throw Failure(after.error());
    store::ChangeSet changes;
    if (before && before->days == after->days && before->note == after->note) return changes;
    changes.calendars.push_back({*after, before ? std::optional(before->version) : std::nullopt});
    if (before && before->days != after->days) move_schedules(session, store, *after, changes);
    const json::object was = before ? core::to_json(*before) : json::object();
    const json::object is = core::to_json(*after);
    changes.audit.push_back(
        line_of(session, before ? "update" : "create", *after, before ? &was : nullptr, &is));
    return changes;
  });
  return find_calendar(session, options);
}

void print_one(Session& session, const CalendarOptions& options, const store::Calendar& calendar) {
  const json::object object = core::to_json(calendar);
  if (options.format == Format::json) return print_object(session.out(), object);
  session.out() << calendar.name << ": " << object.at("dates").get_array().size() << " dates, "
                << object.at("rules").get_array().size() << " rules, named by "
                << schedules_with(session, calendar).size() << " schedules\n";
}

int create(Session& session, const CalendarOptions& options) {
  json::object object;
  if (!options.note.empty()) object["note"] = options.note;
  json::array dates;
  for (const auto& each : options.dates) dates.emplace_back(each);
  object["dates"] = std::move(dates);
  json::array rules;
  for (const auto& each : options.rules) rules.emplace_back(each);
  object["rules"] = std::move(rules);
  (void)session.store_to_write();
  print_one(session, options, write_calendar(session, options, object, false));
  return 0;
}

// Entries of a calendar file as dates and rules of whole days.
json::object object_of_file(Session& session, const CalendarOptions& options) {
  const std::string text = session.read_input(options.file, rrule::kCalendarMax);
  const auto file = rrule::read_calendar(text, session.zones(), "UTC");
  if (!file)
    throw Failure(kRefused, "calendar: " + file.error().detail + " (at byte " +
                                std::to_string(file.error().offset) + ")");
  // What is altered are times of day, of which a calendar has none.
  for (const auto& note : file->notes)
    if (note.kind == rrule::ImportNote::Kind::dropped)
      session.err() << "line " << note.line << ": dropped: " << note.text << '\n';
  json::array rules;
  for (const auto& entry : file->entries)
    rules.push_back(
        json::object{{"rrule", entry.recurrence},
                     {"starts_on", core::iso_local(entry.starts_at_local).substr(0, 10)},
                     {"timezone", entry.zone},
                     {"days", entry.days}});
  if (rules.empty())
    throw Failure(kRefused, "the file has no entry that could be taken over: nothing was written");
  json::object object{{"rules", std::move(rules)}, {"dates", json::array()}};
  if (!options.note.empty()) object["note"] = options.note;
  return object;
}

int import(Session& session, const CalendarOptions& options) {
  const json::object object = object_of_file(session, options);
  (void)session.store_to_write();
  print_one(session, options, write_calendar(session, options, object, options.replace));
  return 0;
}

int list(Session& session, const CalendarOptions& options) {
  (void)session.store_to_read();
  json::array items;
  Table table({"NAME", "DATES", "RULES", "SCHEDULES", "NOTE"});
  for (const auto& each : session.directory().calendars(options.project)) {
    json::object object = core::to_json(each);
    table.add({each.name, std::to_string(object["dates"].get_array().size()),
               std::to_string(object["rules"].get_array().size()),
               std::to_string(schedules_with(session, each).size()), cell(each.note, 60)});
    items.push_back(std::move(object));
  }
  print_rows(session.out(), options.format, items, table,
             "No calendars. `rruled calendar create --help` tells how to make one.");
  return 0;
}

int show(Session& session, const CalendarOptions& options) {
  (void)session.store_to_read();
  const auto calendar = find_calendar(session, options);
  json::object object = core::to_json(calendar);
  json::array users;
  for (const auto& each : schedules_with(session, calendar)) users.emplace_back(to_string(each.id));
  const auto days = core::ExcludedDays::compile(calendar.days, session.zones());
  json::array next;
  if (days) {
    const auto today =
        date::local_days{std::chrono::floor<date::days>(session.now()).time_since_epoch()};
    for (const auto day : (*days)->between(today, today + date::days(3'660), kShown))
      next.emplace_back(core::iso_local(rrule::local_seconds(day)).substr(0, 10));
  }
  object["next_days"] = std::move(next);
  object["schedules"] = std::move(users);
  if (options.format == Format::json) {
    print_object(session.out(), object);
    return 0;
  }
  print_fields(session.out(), object);
  return 0;
}

int remove(Session& session, const CalendarOptions& options) {
  write_changes(session.store_to_write(), session.clock(), [&](store::Store&) {
    const auto calendar = find_calendar(session, options);
    const auto users = schedules_with(session, calendar);
    if (!users.empty()) {
      std::string names;
      for (const auto& each : users)
        if (names.size() < 200) names += "\n  " + to_string(each.id);
      throw Failure(kRefused, std::to_string(users.size()) + " schedules name calendar \"" +
                                  calendar.name + "\":" + names +
                                  "\nTake it from them first: `rruled schedule update ID "
                                  "--calendar none`.");
    }
    store::ChangeSet changes;
    changes.delete_calendars.push_back({calendar.project_id, calendar.name});
    const json::object was = core::to_json(calendar);
    changes.audit.push_back(line_of(session, "delete", calendar, &was, nullptr));
    return changes;
  });
  session.out() << "deleted calendar " << options.name << '\n';
  return 0;
}

std::pair<CLI::App*, std::shared_ptr<CalendarOptions>> add_calendar_verb(
    Commands& commands,
    CLI::App* group,
    CommandText text,
    int (*run)(Session&, const CalendarOptions&),
    bool named) {
  auto options = std::make_shared<CalendarOptions>();
  auto* command = add_command(commands, group, std::move(text));
  if (named) command->add_option("NAME", options->name, "Its name")->required();
  command->add_option("--project", options->project, "Of this project (1)")->check(positive());
  when_chosen(commands, command,
              [&commands, options, run] { return run(commands.session, *options); });
  return {command, options};
}

}  // namespace

void add_calendar(Commands& commands) {
  auto* group = add_group(commands, "calendar", "Calendars: days on which schedules do not run");
  auto [command, options] =
      add_calendar_verb(commands, group,
                        {"create",
                         "Makes a calendar of dates and rules",
                         {"rruled calendar create holidays --date 2026-12-24 --rule "
                          "'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25,26'",
                          "rruled calendar create weekends --rule 'FREQ=WEEKLY;BYDAY=SA,SU'"}},
                        create, true);
  command->add_option("--date", options->dates, "A day; may be given again")
      ->type_name("DATE")
      ->allow_extra_args(false);
  command->add_option("--rule", options->rules, "An RRULE of days; may be given again")
      ->allow_extra_args(false);
  command->add_option("--note", options->note, "For people");
  add_format(command, options->format, false);

  std::tie(command, options) =
      add_calendar_verb(commands, group,
                        {"import",
                         "Makes a calendar of the days in a calendar file",
                         {"rruled calendar import holidays holidays.ics",
                          "rruled calendar import holidays holidays.ics --replace"}},
                        import, true);
  command->add_option("FILE", options->file, "An iCalendar file; - is stdin")
      ->type_name("FILE|-")
      ->required();
  command->add_flag("--replace", options->replace, "Instead of the days that it has");
  command->add_option("--note", options->note, "For people");
  add_format(command, options->format, false);

  std::tie(command, options) = add_calendar_verb(
      commands, group, {"list", "Lists calendars by name", {"rruled calendar list"}}, list, false);
  add_format(command, options->format, true);

  std::tie(command, options) = add_calendar_verb(
      commands, group,
      {"show", "Shows one calendar with its next days", {"rruled calendar show holidays"}}, show,
      true);
  add_format(command, options->format, false);

  add_calendar_verb(
      commands, group,
      {"delete", "Deletes a calendar that no schedule names", {"rruled calendar delete holidays"}},
      remove, true);
}

}  // namespace rruled::cli
