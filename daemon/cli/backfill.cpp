#include "daemon/core/backfill.h"

#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/cli/preview.h"
#include "daemon/core/audit.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/property_filter.h"
#include "daemon/io/run_verbs.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;

struct BackfillOptions {
  std::string id, from, to, note;
  bool dry_run = false;
  Format format = Format::table;
};

json::object shown(Session& session, const store::Backfill& backfill) {
  return core::to_json(backfill, session.directory().counts_of(backfill.id));
}

void print_one(Session& session, Format format, const store::Backfill& backfill) {
  const json::object object = shown(session, backfill);
  if (format == Format::json) return print_object(session.out(), object);
  session.out() << to_string(backfill.id) << "  " << object.at("status").get_string().c_str()
                << ", " << backfill.made << " of " << backfill.count << " runs made";
  for (const auto& [status, count] : object.at("runs").get_object())
    session.out() << ", " << count << ' ' << std::string_view(status);
  session.out() << '\n';
}

// What the occurrences in [from, to) are; prints them for a dry run.
core::Preview occurrences(Session& session,
                          const BackfillOptions& options,
                          const store::Schedule& schedule,
                          store::Timestamp from,
                          store::Timestamp to) {
  const auto timetable =
      core::Timetable::compile(schedule, session.zones(), session.rules().calendars);
  if (!timetable) throw Failure(kRefused, timetable.error().text());
  auto preview = core::backfill_preview(*timetable, from, to, session.now());
  if (!preview) throw Failure(preview.error());
  if (!options.dry_run) return std::move(*preview);
  core::PreviewRequest request;
  request.schedule = schedule;
  preview->ended = false;
  if (options.format == Format::table) {
    print_preview(session.out(), request, *preview, session.now());
    session.out() << preview->items.size() << " runs; nothing was written.\n";
  } else {
    print_preview_json(session.out(), options.format, request, *preview);
  }
  return std::move(*preview);
}

store::Timestamp time_of(Session& session,
                         const std::string& option,
                         const std::string& text,
                         const store::Schedule& schedule) {
  const auto zone = session.zones().find(schedule.timezone);
  if (!zone) throw Failure(kRefused, "timezone: " + zone.error().detail);
  if (text == "now") return session.now();
  if (text.starts_with('-') && text.ends_with('m') && core::relative_time(text, session.now()))
    throw Failure(kUsage,
                  option + ": " + text + " would be months ago, not minutes: write the time");
  return past_argument(option, text, **zone, session.now());
}

int create(Session& session, const BackfillOptions& options) {
  store::Store& store = options.dry_run ? session.store_to_read() : session.store_to_write();
  const store::Schedule schedule = find_schedule(store, options.id);
  const auto from = time_of(session, "--from", options.from, schedule);
  const auto to = time_of(session, "--to", options.to, schedule);
  const auto preview = occurrences(session, options, schedule, from, to);
  if (options.dry_run) return 0;
  store::Backfill backfill;
  backfill.id = store::ParentId{store::random_uuid_v7(session.now())};
  backfill.project_id = schedule.project_id;
  backfill.flow_id = schedule.flow_id;
  backfill.schedule_id = schedule.id;
  backfill.from = std::chrono::ceil<std::chrono::seconds>(from);
  backfill.to = std::chrono::ceil<std::chrono::seconds>(to);
  backfill.count = preview.items.size();
  backfill.note = options.note;
  backfill.created_at = session.now();
  write_changes(store, session.clock(), [&](store::Store& rows) {
    const auto silent = core::why_it_cannot_fire(rows.flow(schedule.flow_id));
    if (!silent.empty()) throw Failure(kRefused, "the schedule cannot fire: " + silent);
    store::ChangeSet changes;
    changes.backfills.push_back({backfill, std::nullopt});
    const json::object after = core::to_json(backfill, {});
    changes.audit.push_back(core::audit_line(
        session.now(), audit_actor(), "create",
        {backfill.project_id, "backfill", to_string(backfill.id)}, nullptr, &after));
    return changes;
  });
  if (options.format == Format::json) {
    print_object(session.out(), shown(session, backfill));
  } else {
    session.out() << to_string(backfill.id) << "  " << backfill.count
                  << " runs, made by the daemon a few at a time; `rruled backfill show "
                  << to_string(backfill.id) << "` tells how far it is\n";
  }
  return 0;
}

int list(Session& session, Format format) {
  (void)session.store_to_read();
  json::array items;
  Table table({"ID", "SCHEDULE", "FROM (UTC)", "TO (UTC)", "RUNS MADE", "NOTE"});
  for (const auto& each : session.directory().open_backfills()) {
    items.push_back(shown(session, each));
    table.add({to_string(each.id), to_string(each.schedule_id), utc_text(each.from),
               utc_text(each.to), std::to_string(each.made) + " of " + std::to_string(each.count),
               cell(each.note, 60)});
  }
  print_rows(session.out(), format, items, table,
             "No backfill is under way. `rruled schedule backfill --help` tells how to begin one.");
  return 0;
}

int show(Session& session, const BackfillOptions& options) {
  (void)session.store_to_read();
  print_one(session, options.format, find_backfill(session.directory(), options.id));
  return 0;
}

int cancel(Session& session, const BackfillOptions& options) {
  store::Store& store = session.store_to_write();
  store::Directory& directory = session.directory();
  write_changes(store, session.clock(), [&](store::Store&) {
    return io::backfill_cancellation(directory, find_backfill(directory, options.id), audit_actor(),
                                     session.now());
  });
  io::end_unsent_runs(directory, find_backfill(directory, options.id), audit_actor(),
                      session.now());
  print_one(session, options.format, find_backfill(directory, options.id));
  return 0;
}

std::shared_ptr<BackfillOptions> add_verb_by_id(Commands& commands,
                                                CLI::App* group,
                                                CommandText text,
                                                int (*run)(Session&, const BackfillOptions&),
                                                const std::string& argument,
                                                CLI::App** made = nullptr) {
  auto options = std::make_shared<BackfillOptions>();
  auto* command = add_command(commands, group, std::move(text));
  command->add_option(argument, options->id, "Its id")->required();
  add_format(command, options->format, false);
  when_chosen(commands, command,
              [&commands, options, run] { return run(commands.session, *options); });
  if (made != nullptr) *made = command;
  return options;
}

}  // namespace

void add_backfill_verb(Commands& commands, CLI::App* schedule) {
  CLI::App* command = nullptr;
  const auto options = add_verb_by_id(
      commands, schedule,
      {"backfill",
       "Runs the occurrences from a time on and before another once more",
       {"rruled schedule backfill 0190f6a2 --from 2026-01-01 --to 2026-02-01 --dry-run",
        "rruled schedule backfill 0190f6a2 --from 2026-01-01T09:00:00Z --to now"}},
      create, "SCHEDULE", &command);
  add_past_time(command, "--from", options->from, "The first that is run")->required();
  add_past_time(command, "--to", options->to, "Those before this time; not ahead of now")
      ->required();
  command->add_flag("--dry-run", options->dry_run, "Shows them and writes nothing");
  command->add_option("--note", options->note, "For people");
}

void add_backfill(Commands& commands) {
  auto* group = add_group(commands, "backfill", "Backfills: occurrences that are run once more");
  auto format = std::make_shared<Format>(Format::table);
  auto* command = add_command(commands, group,
                              {"list",
                               "Lists the backfills to which runs are still added",
                               {"rruled backfill list", "rruled backfill list --format jsonl"}});
  add_format(command, *format, true);
  when_chosen(commands, command, [&commands, format] { return list(commands.session, *format); });
  add_verb_by_id(commands, group,
                 {"show", "Tells how far a backfill is", {"rruled backfill show 0190f6a2"}}, show,
                 "BACKFILL");
  add_verb_by_id(commands, group,
                 {"cancel",
                  "Ends a backfill; what is being delivered ends by itself",
                  {"rruled backfill cancel 0190f6a2"}},
                 cancel, "BACKFILL");
}

}  // namespace rruled::cli
