#include "daemon/cli/apply.h"
#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/foreign.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;
using core::BundleUse;

constexpr std::size_t kForeignBytesMax = std::size_t{1} << 20U;
constexpr std::size_t kNameWidth = 60;  // characters

struct ImportOptions {
  std::string file;
  ForeignOptions foreign;
  const CLI::Option* from = nullptr;
  std::vector<const CLI::Option*> foreign_only;
  std::string executor;  // empty: as the file has it
  bool paused = false;
  bool replace = false;
  bool dry_run = false;
};

struct ExportOptions {
  std::string to = "json", flow;
  std::int64_t project = 0;
};

// With the file that is at fault.
std::string in_file(const ImportOptions& options, const Failure& failure) {
  return (options.file == "-" ? "standard input" : options.file) + ": " + failure.what();
}

json::value read_json_file(Session& session, const ImportOptions& options) {
  const bool calendar = options.file.ends_with(".ics");
  if (calendar && options.from->count() == 0)
    throw Failure(kUsage, options.file + " is a calendar by its name: say --from ics (or json)");
  const std::string advice = options.from->count() > 0
                                 ? ""
                                 : "\nA calendar or crontab: say --from ics, crontab or"
                                   " system-crontab.";
  return session.read_json(options.file, advice, core::kStoredDepthMax);
}

ForeignBundle read_json_bundle(Session& session, const ImportOptions& options) {
  for (const auto* each : options.foreign_only)
    if (each->count() > 0)
      throw Failure(kUsage, each->get_name() +
                                ": only with --from ics, crontab or system-crontab;" +
                                " a file in JSON says it of each flow or schedule");
  const auto value = read_json_file(session, options);
  auto bundle = core::bundle_from_json(value);
  if (!bundle) throw Failure(kRefused, in_file(options, Failure(bundle.error())));
  return {.bundle = std::move(*bundle)};
}

ForeignBundle read_bundle(Session& session, const ImportOptions& options) {
  const std::string& from = options.foreign.from;
  if (from == "json") return read_json_bundle(session, options);
  if (const auto& zone = options.foreign.zone; !zone.empty())
    if (const auto found = session.zones().find(zone); !found)
      throw Failure(kUsage, "--timezone: " + found.error().detail);
  const std::string text = session.read_input(options.file, kForeignBytesMax);
  auto foreign = from == "ics" ? bundle_of_calendar(session, text, options.foreign)
                               : bundle_of_crontab(session, text, options.foreign);
  for (const auto& each : foreign.notes) session.err() << clean_lines(each) << '\n';
  if (from != "ics" && !foreign.bundle.empty())
    session.err()
        << "A command is taken over as the variable `command` of its flow, and is not run by"
           " itself: an executor of type \"command\" must be configured whose program runs what"
           " it reads there.\n"
        << (from == "system-crontab" ? "Its user stands in the variable `user`.\n" : "");
  if (foreign.bundle.empty()) throw Failure(kRefused, "nothing in it could be imported");
  return foreign;
}

// An import without --replace makes things anew; what is there already stays as it is.
void refuse_existing(const core::StoredRows& rows, bool foreign) {
  std::string what;
  if (!rows.schedules.empty()) what = "schedule " + to_string(rows.schedules.begin()->first);
  if (!rows.flows.empty()) {
    const auto& [id, flow] = *rows.flows.begin();
    what = "flow " + to_string(id);
    if (foreign) what += " (" + cell(flow.name.value_or(""), kNameWidth) + ")";
  }
  if (what.empty()) return;
  std::string advice = "--replace gives what exists the values of the file.";
  if (foreign)
    advice += " If it is of another machine or person, --source NAME tells the two apart.";
  throw Failure(kRefused, what + " exists already; nothing was written\n" + advice);
}

// What an earlier file had more of, alike, and --replace does not delete.
void tell_of_left(Session& session, store::Store& store, const ForeignBundle& foreign) {
  for (const auto& alike : foreign.next)
    for (const auto& id : alike) {
      const auto flow = store.flow(id);
      if (!flow) break;
      session.err() << "flow " << to_string(id) << " (" << cell(flow->name.value_or(""), kNameWidth)
                    << ") came from such a file, which has it no more"
                    << (foreign.dropped > 0 ? " (or on a line that was dropped)" : "")
                    << ", and stays: `rruled flow"
                    << " delete " << to_string(id) << "` if it shall not run\n";
    }
}

// New flows whose schedules fire nothing yet: their file does not say that they are active.
std::vector<std::string> notes_of_drafts(const store::ChangeSet& changes) {
  std::vector<std::string> notes;
  for (const auto& put : changes.flows) {
    const auto& flow = put.flow;
    const bool scheduled = std::ranges::any_of(
        changes.schedules, [&](const auto& each) { return each.schedule.flow_id == flow.id; });
    if (put.expected_revision || flow.status != store::FlowStatus::draft || !scheduled) continue;
    const auto id = to_string(flow.id);
    notes.push_back("flow " + id + " (" + cell(flow.name.value_or(""), kNameWidth) +
                    ") is a draft: its schedules fire nothing until `rruled flow update " + id +
                    " --status active`");
  }
  return notes;
}

// Without the entries that the store's own settings do not allow, as a calendar that leaves out all
// of them; those stay as they are, and are told.
core::Bundle usable(core::Bundle bundle,
                    const core::StoredRows& rows,
                    const core::ScheduleRules& rules,
                    store::Timestamp now,
                    std::vector<std::string>& left_out) {
  std::erase_if(bundle, [&](const core::BundleFlow& flow) {
    if (!rows.flows.contains(*flow.id)) return false;
    const auto plan = core::plan_bundle({flow}, rows, BundleUse::replace, rules, now);
    if (!plan) left_out.push_back(flow.path + ": left as it is: " + plan.error().detail);
    return !plan;
  });
  return bundle;
}

// With what the command line says of every schedule; --paused of the new ones that would fire.
core::Bundle as_asked(core::Bundle bundle,
                      const core::StoredRows& rows,
                      const ImportOptions& options) {
  for (auto& flow : bundle)
    for (auto& [fields, id, path] : flow.schedules) {
      if (!options.executor.empty()) fields["executor"] = options.executor;
      const bool stored = id && rows.schedules.contains(*id);
      const auto* status = fields.if_contains("status");
      if (options.paused && !stored && (status == nullptr || *status == "active"))
        fields["status"] = "paused";
    }
  return bundle;
}

// Schedules written that carry a command which nothing runs.
std::vector<std::string> notes_of_idle(Session& session,
                                       const core::StoredRows& rows,
                                       const store::ChangeSet& changes) {
  std::map<store::FlowId, bool> carries;
  for (const auto& [id, flow] : rows.flows) carries[id] = has_command(flow);
  for (const auto& put : changes.flows) carries[put.flow.id] = has_command(put.flow);
  std::map<std::string, std::size_t> of;
  for (const auto& [schedule, version] : changes.schedules)
    if (carries[schedule.flow_id] &&
        fate_of_command(session, schedule.executor) != CommandFate::runs)
      ++of[schedule.executor];
  std::vector<std::string> notes;
  for (const auto& [executor, count] : of) {
    const bool logged = fate_of_command(session, executor) == CommandFate::logged;
    notes.push_back(
        "WARNING: no command of " + count_of(count, "schedule") + " will run: " +
        (logged ? "the executor \"" + executor +
                      "\" is of type \"log\", which only writes a line, and the runs will be"
                      " `completed` all the same."
                : "there is no [executors." + executor +
                      "] in the configuration here, and the runs will wait for a daemon that has"
                      " it.") +
        " Configure one of type \"command\" and name it by --executor; --paused keeps new"
        " schedules from firing until then.");
  }
  return notes;
}

void refuse_unknown_executor(Session& session, const std::string& name) {
  const auto& known = session.config().executors;
  if (name.empty() ||
      std::ranges::any_of(known, [&](const auto& each) { return each.name == name; }))
    return;
  std::string names;
  for (const auto& each : known) names += (names.empty() ? "" : ", ") + each.name;
  throw Failure(kRefused, "--executor: there is no [executors." + name +
                              "] in the configuration; there is: " + names);
}

struct Imported {
  std::vector<std::string> lines, notes, left_out;
  std::size_t flows = 0, schedules = 0, paused = 0, over = 0;
  bool in_utc = false;  // because nobody said a zone
};

void print_imported(Session& session,
                    const ImportOptions& options,
                    const ForeignBundle& read,
                    const Imported& done) {
  for (const auto* each : {&done.notes, &done.left_out})
    for (const auto& note : *each) session.err() << cell(note) << '\n';
  if (done.in_utc) {
    const auto machine = zone_of_machine();
    session.err() << "Times are read as UTC; --timezone NAME says another"
                  << (machine.empty() ? "" : " (this machine: " + cell(machine) + ")") << ".\n";
  }
  std::string rest;
  if (done.paused > 0) rest += "; " + std::to_string(done.paused) + " paused";
  if (done.over > 0) rest += "; " + std::to_string(done.over) + " over: nothing comes any more";
  if (read.dropped > 0) rest += "; dropped " + count_of(read.dropped, "line");
  if (read.altered > 0)
    rest += (read.dropped > 0 ? ", altered " : "; altered ") +
            (read.dropped > 0 ? std::to_string(read.altered) : count_of(read.altered, "line"));
  auto& out = session.out();
  if (options.dry_run)
    for (const auto& each : done.lines) out << cell(each) << '\n';
  if (!options.dry_run || options.foreign.from != "json")
    out << (options.dry_run ? "would import " : "imported ") << count_of(done.flows, "flow")
        << " and " << count_of(done.schedules, "schedule") << rest << '\n';
  if (done.paused > 0)
    session.err() << "What is paused fires nothing until `rruled schedule resume ID`;"
                     " `rruled preview --all --paused` shows what it would do.\n";
  if (options.dry_run) out << "Nothing was written (--dry-run).\n";
}

int import_file(Session& session, const ImportOptions& options) {
  const bool foreign = options.foreign.from != "json";
  refuse_unknown_executor(session, options.executor);
  const ForeignBundle read = read_bundle(session, options);
  const auto use = options.replace ? BundleUse::replace : BundleUse::import;
  const auto rules = session.rules();
  Imported done;
  const auto plan = [&](store::Store& store) {
    const auto rows = stored_rows(store, read.bundle, use);
    if (!options.replace) refuse_existing(rows, foreign);
    done = {};
    auto bundle = as_asked(foreign ? over_stored(read, rows) : read.bundle, rows, options);
    if (foreign) bundle = usable(std::move(bundle), rows, rules, session.now(), done.left_out);
    auto planned = core::plan_bundle(bundle, rows, use, rules, session.now());
    if (!planned) throw Failure(kRefused, in_file(options, Failure(planned.error())));
    auto& changes = planned->changes;
    done.lines = std::move(planned->lines);
    done.notes = notes_of_drafts(changes);
    for (auto& each : notes_of_idle(session, rows, changes)) done.notes.push_back(std::move(each));
    done.flows = changes.flows.size();
    done.schedules = changes.schedules.size();
    for (const auto& [schedule, version] : changes.schedules) {
      if (!version && schedule.status == store::ScheduleStatus::paused) ++done.paused;
      if (schedule.status == store::ScheduleStatus::completed) ++done.over;
      if (!version && read.without_zone.contains(schedule.id)) done.in_utc = true;
    }
    return std::move(changes);
  };
  store::Store& store = options.dry_run ? session.store_to_try() : session.store_to_write();
  if (options.dry_run)
    plan(store);
  else
    write_changes(store, session.clock(), plan);
  tell_of_left(session, store, read);
  print_imported(session, options, read, done);
  return 0;
}

int export_all(Session& session, const ExportOptions& options) {
  store::Store& store = session.store_to_read();
  store::FlowQuery of_flows;
  store::ScheduleQuery of_schedules;
  if (options.project > 0) of_flows.project_id = of_schedules.project_id = options.project;
  std::vector<store::Flow> flows;
  if (options.flow.empty()) {
    flows = all_flows(store, of_flows);
  } else {
    flows.push_back(find_flow(store, options.flow));
    of_schedules.flow_id = flows.front().id;
  }
  auto schedules = all_schedules(store, of_schedules);
  // The same store gives the same text.
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::sort(flows.begin(), flows.end(), by_id);
  std::sort(schedules.begin(), schedules.end(), by_id);
  if (options.to == "json") {
    print_object(session.out(), core::bundle_json(flows, schedules));
    return 0;
  }
  std::vector<std::string> notes;
  session.out() << calendar_of(session, flows, schedules, notes);
  for (const auto& each : notes) session.err() << cell(each) << '\n';
  return 0;
}

void add_import(Commands& commands) {
  auto options = std::make_shared<ImportOptions>();
  auto* command = add_command(
      commands, &commands.root,
      {"import",
       "Takes flows and schedules over from a file",
       {"rruled import flows.json", "rruled export --config old.toml | rruled import -",
        "rruled import flows.json --replace --dry-run",
        "rruled import --from crontab crontab.txt --timezone Europe/Prague --paused",
        "rruled import --from system-crontab /etc/crontab --timezone Europe/Prague --dry-run",
        "crontab -l | rruled import --from crontab - --timezone Europe/Prague"
        " --source $(hostname) --replace",
        "rruled import --from ics calendar.ics"}});
  command->footer(
      command->get_footer() +
      "\n\nThe form is {\"flows\":[{..flow.., \"project_id\":1, \"schedules\":[{..}]}]}, that of"
      "\n`rruled export`. Ids are kept when given; unknown keys are errors; \"starts_at\" may"
      "\nbe \"now\". All of a JSON file comes in, or nothing. Of a calendar or crontab what"
      "\ncannot be carried over is told by line, and the rest comes in; a crontab's new line"
      "\nwhose input after % is lost comes in paused."
      "\nThe same entry is known again, by its UID or its command: --replace then gives it the"
      "\nfile's times (a calendar's also its name), and leaves all else as it is here. What"
      "\nthe file has no more, or by another command, stays: `rruled flow delete`.");
  command->add_option("FILE", options->file, "The file; - is stdin")
      ->required()
      ->type_name("FILE|-");
  options->foreign.from = "json";
  options->from =
      command
          ->add_option(
              "--from", options->foreign.from,
              "What it is (default: json); a system-crontab names a user before the command")
          ->check(CLI::IsMember({"json", "ics", "crontab", "system-crontab"}));
  command->add_option("--executor", options->executor,
                      "Where the runs of all of them go: [executors.NAME]");
  command->add_flag("--paused", options->paused,
                    "New schedules fire nothing until `rruled schedule resume ID`");
  command->add_flag("--replace", options->replace, "What exists takes the values of the file");
  command->add_flag("--dry-run", options->dry_run, "Only print what would change");
  auto& foreign = options->foreign;
  options->foreign_only = {
      command
          ->add_option("--project", foreign.project_id,
                       "Project of flows from ics and crontabs (default: 1)")
          ->check(positive()),
      command->add_option("--timezone", foreign.zone,
                          "Zone of their times that name none (crontabs: UTC; ics: dropped)"),
      command->add_option("--source", foreign.source,
                          "Tells crontabs or calendars apart that have the same entries")};
  when_chosen(commands, command,
              [&commands, options] { return import_file(commands.session, *options); });
}

}  // namespace

void add_transfer(Commands& commands) {
  add_import(commands);
  auto options = std::make_shared<ExportOptions>();
  auto* command = add_command(commands, &commands.root,
                              {"export",
                               "Prints flows and schedules, for import, apply or a calendar",
                               {"rruled export > flows.json", "rruled export --flow Hello",
                                "rruled export --to ics > schedules.ics"}});
  command->add_option("--to", options->to, "As what (default: json)")
      ->check(CLI::IsMember({"json", "ics"}));
  command->add_option("--flow", options->flow, "Only this flow: id, beginning of an id, or name");
  command->add_option("--project", options->project, "Only of this project")->check(positive());
  when_chosen(commands, command,
              [&commands, options] { return export_all(commands.session, *options); });
}

}  // namespace rruled::cli
