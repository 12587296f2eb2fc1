#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/audit.h"
#include "daemon/core/excluded_days.h"
#include "daemon/core/time_text.h"
#include "daemon/io/calendar_change.h"
#include "rrule/ical.h"

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <set>

namespace rruled::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kShown = 30;
constexpr std::size_t kNamedMax = 5;

struct CalendarOptions {
  std::string name, file;
  std::optional<std::string> note;
  std::vector<std::string> dates, rules;
  std::vector<std::string> added_dates, removed_dates;
  std::int64_t project = 1;
  bool replace = false;
  Format format = Format::table;
};

[[noreturn]] void refuse_missing(const CalendarOptions& options) {
  throw Failure(kRefused, "no calendar \"" + cell(options.name) + "\" in project " +
                              std::to_string(options.project) +
                              "\n`rruled calendar list` shows them all.");
}

store::Calendar find_calendar(Session& session, const CalendarOptions& options) {
  auto calendar = session.directory().calendar({options.project, options.name});
  if (!calendar) refuse_missing(options);
  return std::move(*calendar);
}

std::size_t users_of(Session& session, const store::Calendar& calendar) {
  return io::schedules_of_calendar(session.directory(), {calendar.project_id, calendar.name}, 1)
      .count;
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
  const auto refusal = io::move_schedules({store, session.directory(), session.zones()}, after,
                                          session.now(), changes);
  if (!refusal) return;
  throw refusal->days ? Failure(*refusal->days) : Failure(kRefused, refusal->text);
}

// What is to be written of a calendar, as it is before; absent: there is none. Throws when that
// cannot be.
using Wanted = std::function<json::object(const std::optional<store::Calendar>& before)>;

// Writes what `wanted` says of the calendar; gives it as it is then.
store::Calendar write_calendar(Session& session,
                               const CalendarOptions& options,
                               const Wanted& wanted) {
  write_changes(session.store_to_write(), session.clock(), [&](store::Store& store) {
    const auto before = session.directory().calendar({options.project, options.name});
    const json::object object = wanted(before);
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
  session.out() << cell(calendar.name) << ": " << object.at("dates").get_array().size()
                << " dates, " << object.at("rules").get_array().size() << " rules, named by "
                << users_of(session, calendar) << " schedules\n";
}

json::array texts_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

[[noreturn]] void refuse_existing_calendar(const CalendarOptions& options) {
  throw Failure(kRefused, "calendar \"" + cell(options.name) +
                              "\" exists already: `rruled calendar update` and `rruled calendar"
                              " import --replace` change it");
}

int create(Session& session, const CalendarOptions& options) {
  json::object object{{"dates", texts_of(options.dates)}, {"rules", texts_of(options.rules)}};
  if (options.note) object["note"] = *options.note;
  const auto calendar = write_calendar(session, options, [&](const auto& before) {
    if (before) refuse_existing_calendar(options);
    return object;
  });
  print_one(session, options, calendar);
  return 0;
}

// Its dates with those that are added, and without those that are removed.
json::array changed_dates(const CalendarOptions& options, const store::Calendar& before) {
  std::set<std::string> kept;
  const json::object object = core::to_json(before);
  for (const auto& each : object.at("dates").get_array())
    kept.emplace(std::string_view(each.get_string()));
  for (const auto& each : options.removed_dates)
    if (kept.erase(each) == 0)
      throw Failure(kRefused, "calendar \"" + cell(before.name) + "\" has no date " + each +
                                  ": `rruled calendar show` lists those that it has beside its"
                                  " rules");
  // What is new comes first: so an error has its number on the command line.
  json::array dates = texts_of(options.added_dates);
  for (const auto& each : kept) dates.emplace_back(each);
  return dates;
}

int update(Session& session, const CalendarOptions& options) {
  const bool some_dates = !options.added_dates.empty() || !options.removed_dates.empty();
  if (!some_dates && options.dates.empty() && options.rules.empty() && !options.note)
    throw Failure(kUsage, "say what to change: dates, rules or the note");
  const auto calendar = write_calendar(session, options, [&](const auto& before) {
    if (!before) refuse_missing(options);
    json::object object;
    if (!options.dates.empty()) object["dates"] = texts_of(options.dates);
    if (some_dates) object["dates"] = changed_dates(options, *before);
    if (!options.rules.empty()) object["rules"] = texts_of(options.rules);
    if (options.note) object["note"] = *options.note;
    return object;
  });
  print_one(session, options, calendar);
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
      session.err() << "line " << note.line << ": dropped: " << cell(note.text) << '\n';
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
  if (options.note) object["note"] = *options.note;
  return object;
}

int import(Session& session, const CalendarOptions& options) {
  const json::object object = object_of_file(session, options);
  const auto calendar = write_calendar(session, options, [&](const auto& before) {
    if (before && !options.replace) refuse_existing_calendar(options);
    return object;
  });
  print_one(session, options, calendar);
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
               std::to_string(users_of(session, each)), cell(each.note, 60)});
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
  const auto page = io::schedules_of_calendar(
      session.directory(), {calendar.project_id, calendar.name}, io::kMovedSchedulesMax);
  for (const auto& each : page.rows) users.emplace_back(to_string(each.id));
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
    const auto [users, count] = io::schedules_of_calendar(
        session.directory(), {calendar.project_id, calendar.name}, kNamedMax);
    if (!users.empty()) {
      std::string names;
      for (const auto& each : users) names += "\n  " + to_string(each.id);
      if (count > users.size())
        names += "\n  and " + std::to_string(count - users.size()) + " more";
      throw Failure(kRefused, std::to_string(count) + " schedules name calendar \"" +
                                  cell(calendar.name) + "\":" + names +
                                  "\nTake it from them first: `rruled schedule update ID --calendar"
                                  " none`.");
    }
    store::ChangeSet changes;
    changes.delete_calendars.push_back({calendar.project_id, calendar.name});
    const json::object was = core::to_json(calendar);
    changes.audit.push_back(line_of(session, "delete", calendar, &was, nullptr));
    return changes;
  });
  session.out() << "deleted calendar " << cell(options.name) << '\n';
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

// An option that may be given again, each time with one value.
CLI::Option* add_texts(CLI::App* command,
                       const std::string& name,
                       std::vector<std::string>& texts,
                       const std::string& text) {
  return command->add_option(name, texts, text)->allow_extra_args(false);
}

void add_days(CLI::App* command,
              CalendarOptions& options,
              const std::string& dates,
              const std::string& rules) {
  add_texts(command, "--date", options.dates, dates)->type_name("DATE");
  add_texts(command, "--rule", options.rules, rules);
  command->add_option("--note", options.note, "For people");
  add_format(command, options.format, false);
}

}  // namespace

void add_calendar(Commands& commands) {
  auto* group = add_group(commands, "calendar", "Calendars: days on which schedules do not run");
  auto [command, options] =
      add_calendar_verb(commands, group,
                        {"create",
                         "Makes a calendar of dates and rules",
                         {"rruled calendar create holidays --date 2026-12-24 --rule"
                          " 'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25,26'",
                          "rruled calendar create weekends --rule 'FREQ=WEEKLY;BYDAY=SA,SU'"}},
                        create, true);
  add_days(command, *options, "A day; may be given again", "An RRULE of days; may be given again");

  std::tie(command, options) = add_calendar_verb(
      commands, group,
      {"update",
       "Changes a calendar; the schedules that name it go on by its new days",
       {"rruled calendar update holidays --add-date 2026-12-31 --remove-date 2026-12-24",
        "rruled calendar update weekends --rule 'FREQ=WEEKLY;BYDAY=FR,SA'"}},
      update, true);
  add_days(command, *options, "A day, instead of those that it has; may be given again",
           "An RRULE of days, instead of those that it has; may be given again");
  auto* dates = command->get_option("--date");
  add_texts(command, "--add-date", options->added_dates,
            "A day beside those that it has; may be given again")
      ->type_name("DATE")
      ->excludes(dates);
  add_texts(command, "--remove-date", options->removed_dates,
            "A day that it has; may be given again")
      ->type_name("DATE")
      ->excludes(dates);

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
