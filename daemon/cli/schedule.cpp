#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/cli/preview.h"
#include "daemon/cli/schedule_fields.h"
#include "daemon/core/duration.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/run_json.h"

#include <algorithm>
#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;
using core::Change;

struct ScheduleOptions {
  std::string flow, schedule, until, variables;
  std::optional<std::string> note;  // empty: taken away
  std::vector<std::string> var;
  ScheduleFields fields;
  std::string catch_up = "none";
  Format format = Format::table;
};

// A stored schedule with its flow and, where it can be used, its times.
struct Loaded {
  store::Schedule row;
  store::Flow flow;
  std::optional<core::Timetable> timetable;
  [[nodiscard]] bool fires() const { return core::can_fire(flow.status, flow.trigger_type); }
};

Loaded load(Session& session, store::Store& store, const std::string& text) {
  Loaded loaded;
  loaded.row = find_schedule(store, text);
  if (auto flow = store.flow(loaded.row.flow_id)) loaded.flow = std::move(*flow);
  if (auto timetable =
          core::Timetable::compile(loaded.row, session.zones(), session.rules().calendars))
    loaded.timetable = std::move(*timetable);
  return loaded;
}

// Reads one schedule, changes it, writes it; again when somebody else wrote in between.
template <class Make>
store::Schedule change_schedule(Session& session, const std::string& text, Make make) {
  store::Schedule written;
  write_changes(session.store_to_write(), session.clock(), [&](store::Store& store) {
    const Loaded loaded = load(session, store, text);
    Change change = make(loaded);
    written = change.schedule;
    store::ChangeSet changes;
    if (!core::same_settings(loaded.row, change.schedule) ||
        loaded.row.next_run_at != change.schedule.next_run_at)
      core::put(changes, std::move(change), &loaded.row);
    return changes;
  });
  return written;
}

// ", 09:00 of its zone", unless that is UTC.
std::string local_time(Session& session, const store::Schedule& row) {
  const auto zone = session.zones().find(row.timezone);
  if (!zone || row.timezone == "UTC") return "";
  std::string text = core::iso_local(
      (*zone)->to_local(std::chrono::floor<std::chrono::seconds>(*row.next_run_at)));
  text[10] = ' ';
  return ", " + text + " in " + row.timezone;
}

std::string next_text(Session& session, const store::Schedule& row) {
  const auto project = session.directory().project(row.project_id);
  if (row.next_run_at && project && project->paused())
    return "nothing fires: project " + std::to_string(row.project_id) + " is paused";
  if (row.next_run_at)
    return "next at " + utc_text(*row.next_run_at) + local_time(session, row) + " (" +
           from_now(*row.next_run_at, session.now()) + ")";
  if (row.status == store::ScheduleStatus::active)
    return "nothing fires: " + core::why_it_cannot_fire(session.store_to_write().flow(row.flow_id));
  if (row.status == store::ScheduleStatus::paused && row.paused_until)
    return "until " + utc_text(*row.paused_until);
  return "nothing comes next";
}

void print_one(Session& session, const ScheduleOptions& options, const store::Schedule& row) {
  if (options.format == Format::json)
    print_object(session.out(), core::to_json(row));
  else
    session.out() << to_string(row.id) << "  " << store::word(row.status) << ", "
                  << cell(next_text(session, row)) << '\n';
}

// A new one is active, and what a file with another status asks for must not fire all the same.
void refuse_status(const json::object& fields) {
  const auto* status = fields.if_contains("status");
  if (status != nullptr && *status != "active")
    throw Failure(kRefused,
                  "status: a new schedule is active, and the file says " +
                      core::json_text(*status) +
                      ": take it out of the file; one that must not fire yet can be paused once it"
                      " is made (`rruled schedule pause ID`), or brought in by `rruled import`");
}

int create(Session& session, const ScheduleOptions& options) {
  store::Store& store = session.store_to_write();
  const store::Flow flow = find_flow(store, options.flow);
  store::Schedule base;
  base.id = store::ScheduleId{store::random_uuid_v7(session.now())};
  base.flow_id = flow.id;
  base.project_id = flow.project_id;
  base.created_at = session.now();
  const json::object object = schedule_object(session, options.fields, true, base.timezone);
  refuse_status(object);
  const auto edit = core::schedule_from_json(object, base, nullptr, core::JsonUse::create,
                                             session.rules(), session.now());
  if (!edit) throw Failure(edit.error());
  const Change change = core::decided(
      *edit, nullptr, nullptr, core::can_fire(flow.status, flow.trigger_type), session.now());
  write_changes(session.store_to_write(), session.clock(), [&](store::Store&) {
    store::ChangeSet changes;
    core::put(changes, change, nullptr);
    return changes;
  });
  print_one(session, options, change.schedule);
  return 0;
}

int update(Session& session, const ScheduleOptions& options) {
  const auto row = change_schedule(session, options.schedule, [&](const Loaded& loaded) {
    const json::object object =
        schedule_object(session, options.fields, false, loaded.row.timezone);
    const auto edit = core::schedule_from_json(
        object, loaded.row, &loaded.row, core::JsonUse::patch, session.rules(), session.now());
    if (!edit) throw Failure(edit.error());
    return core::decided(*edit, &loaded.row, loaded.timetable ? &*loaded.timetable : nullptr,
                         loaded.fires(), session.now());
  });
  print_one(session, options, row);
  return 0;
}

int pause(Session& session, const ScheduleOptions& options) {
  const auto row = change_schedule(session, options.schedule, [&](const Loaded& loaded) {
    std::optional<store::Timestamp> until;
    if (!options.until.empty()) {
      const auto zone = session.zones().find(loaded.row.timezone);
      until = time_argument("--until", options.until, zone ? **zone : *rrule::TimeZone::utc(),
                            session.now());
      if (*until <= session.now()) throw Failure(kUsage, "--until: must be in the future");
    }
    if (loaded.row.status == store::ScheduleStatus::completed)
      throw Failure(kRefused,
                    "schedule " + to_string(loaded.row.id) + " is completed: it fires no more");
    return core::paused(loaded.row, loaded.timetable ? &*loaded.timetable : nullptr,
                        options.note.value_or(loaded.row.note), session.now(), until);
  });
  print_one(session, options, row);
  return 0;
}

int resume(Session& session, const ScheduleOptions& options) {
  const auto row = change_schedule(session, options.schedule, [&](const Loaded& loaded) {
    const auto status = loaded.row.status;
    if (status == store::ScheduleStatus::active) return Change{loaded.row, std::nullopt};
    if (status == store::ScheduleStatus::completed)
      throw Failure(kRefused,
                    "schedule " + to_string(loaded.row.id) +
                        " is completed: give it a rule with a future by `schedule update`");
    if (!loaded.timetable) {
      const auto error =
          core::Timetable::compile(loaded.row, session.zones(), session.rules().calendars).error();
      throw Failure(kRefused, error.text());
    }
    return core::resumed(loaded.row, *loaded.timetable, loaded.fires(), session.now(),
                         store::parse_word<core::CatchUp>(options.catch_up).value());
  });
  print_one(session, options, row);
  return 0;
}

int remove(Session& session, const ScheduleOptions& options) {
  store::ScheduleId id;
  write_changes(session.store_to_write(), session.clock(), [&](store::Store& store) {
    const auto schedule = find_schedule(store, options.schedule);
    id = schedule.id;
    store::ChangeSet changes;
    changes.delete_schedules.push_back({id, schedule.version});
    return changes;
  });
  session.out() << "deleted schedule " << to_string(id) << "; unsent runs are cancelled\n";
  return 0;
}

// On PostgreSQL another daemon may have what is not configured here: that is told.
[[nodiscard]] std::string without_executor(Session& session, const store::Schedule& schedule) {
  const auto error = core::executor_error(session.rules(), schedule);
  if (!error) return {};
  const auto& config = session.config();
  const bool here = std::ranges::any_of(
      config.executors, [&](const auto& each) { return each.name == schedule.executor; });
  if (here || !config.store.sqlite_file.empty()) throw Failure(*error);
  return "executors." + cell(schedule.executor) +
         " is not in this configuration: a daemon that has it sends the run\n";
}

int run_now(Session& session, const ScheduleOptions& options) {
  json::object variables;
  if (!options.variables.empty()) variables = variables_argument(options.variables);
  overlay_variables(variables, options.var);
  store::Run run;
  std::string note;
  write_changes(session.store_to_write(), session.clock(), [&](store::Store& store) {
    const store::Schedule schedule = find_schedule(store, options.schedule);
    const auto flow = store.flow(schedule.flow_id);
    if (!flow || !core::can_fire(flow->status, flow->trigger_type))
      throw Failure(kRefused, "the schedule cannot fire: " + core::why_it_cannot_fire(flow));
    note = without_executor(session, schedule);
    const auto now = session.now();
    run = core::manual_run(core::due_schedule(schedule, *flow), true,
                           store::RunId{store::random_uuid_v7(now)}, core::json_text(variables),
                           now, core::wall_time(schedule.timezone, session.zones(), now));
    store::ChangeSet changes;
    changes.runs.push_back(run);
    return changes;
  });
  session.err() << note;
  if (options.format == Format::json)
    print_object(session.out(), core::to_json(run));
  else
    session.out() << to_string(run.id) << "  pending; `rruled runs show " << to_string(run.id)
                  << "` tells what became of it\n";
  return 0;
}

// What add_schedule_verb needs to know beside the options.
struct Verb {
  CommandText text;
  int (*run)(Session&, const ScheduleOptions&);
  bool of_schedule = true;
};

std::pair<CLI::App*, std::shared_ptr<ScheduleOptions>> add_schedule_verb(Commands& commands,
                                                                         CLI::App* group,
                                                                         Verb verb) {
  auto options = std::make_shared<ScheduleOptions>();
  auto* command = add_command(commands, group, std::move(verb.text));
  if (verb.of_schedule)
    command->add_option("SCHEDULE", options->schedule, "Id, or beginning of an id")->required();
  when_chosen(commands, command,
              [&commands, options, run = verb.run] { return run(commands.session, *options); });
  return {command, options};
}

void add_edits(Commands& commands, CLI::App* group) {
  auto [command, options] = add_schedule_verb(
      commands, group,
      {{"create",
        "Makes a schedule of a flow; prints its id and what comes next",
        {"rruled schedule create --flow Hello --rrule 'FREQ=MINUTELY;INTERVAL=5'",
         "rruled schedule create --flow Hello --cron '30 2 * * *' --timezone America/New_York",
         "rruled schedule create --flow Hello --at 2026-12-31T23:59:59Z --var greeting=Goodbye",
         "rruled schedule create --flow Hello --rrule 'FREQ=DAILY' --starts-at 2026-01-01T09:00"
         " --timezone Europe/Prague --overlap skip"}},
       create,
       false});
  command->add_option("--flow", options->flow, "Its flow: id, beginning of an id, or name")
      ->required();
  add_schedule_fields(command, options->fields);
  add_format(command, options->format, false);

  std::tie(command, options) = add_schedule_verb(
      commands, group,
      {{"update",
        "Changes a schedule; what it fired stays fired",
        {"rruled schedule update 0190f6a2 --rrule 'FREQ=HOURLY'",
         "rruled schedule update 0190f6a2 --timezone Europe/London --catchup all"}},
       update});
  add_schedule_fields(command, options->fields);
  add_format(command, options->format, false);
}

void add_life(Commands& commands, CLI::App* group) {
  auto [command, options] =
      add_schedule_verb(commands, group,
                        {{"pause",
                          "Stops a schedule until it is resumed",
                          {"rruled schedule pause 0190f6a2 --note 'until the move is done'",
                           "rruled schedule pause 0190f6a2 --until 2030-01-07T09:00"}},
                         pause});
  command->add_option("--note", options->note, "Why, for people");
  command
      ->add_option(
          "--until", options->until,
          "Resumed by the daemon then, and what is due at that time runs; wall-clock time of the"
          " schedule without an offset")
      ->type_name("TIME");
  add_format(command, options->format, false);

  std::tie(command, options) = add_schedule_verb(
      commands, group,
      {{"resume",
        "Starts a paused schedule, or one in error, again",
        {"rruled schedule resume 0190f6a2", "rruled schedule resume 0190f6a2 --catch-up all"}},
       resume});
  add_words<core::CatchUp>(command, "--catch-up", options->catch_up, kCatchUpSummary);
  add_format(command, options->format, false);

  add_schedule_verb(commands, group,
                    {{"delete",
                      "Deletes a schedule; its ledger stays with the flow",
                      {"rruled schedule delete 0190f6a2"}},
                     remove});

  std::tie(command, options) =
      add_schedule_verb(commands, group,
                        {{"run-now",
                          "Runs it once, now, beside its times",
                          {"rruled schedule run-now 0190f6a2 --var greeting=Hi"}},
                         run_now});
  command->add_option("--var", options->var, "One variable, a text; may be given again")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--variables", options->variables, "JSON object")->type_name("JSON");
  add_format(command, options->format, false);
}

}  // namespace

void add_schedule(Commands& commands) {
  auto* group = add_group(commands, "schedule", "Schedules: when flows run");
  add_edits(commands, group);
  add_life(commands, group);
  add_backfill_verb(commands, group);
  add_explain_verb(commands, group);
  add_skip_verbs(commands, group);
  add_schedule_reads(commands, group);
}

}  // namespace rruled::cli
