#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/doctor.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/audit.h"
#include "daemon/core/project.h"
#include "store/copy.h"
#include "store/survey.h"

#include <iostream>
#include <memory>
#include <set>

// Whole projects: pausing and resuming them, and how they are.
namespace rruled::cli {
namespace {

namespace json = boost::json;

struct ProjectOptions {
  std::int64_t project = 0;  // 0: all
  std::string note;
  bool all = false;
  std::string catch_up = "none";
  Format format = Format::table;
};

json::object to_json(const store::Project& project) {
  json::object object = core::to_json(project);
  object["project_id"] = project.id;
  return object;
}

// The one that was named, or all that have something.
std::set<std::int64_t> projects(Session& session,
                                store::Store& store,
                                const ProjectOptions& options) {
  if (options.project != 0) return {options.project};
  std::set<std::int64_t> all;
  for (const auto& each : all_flows(store)) all.insert(each.project_id);
  for (const auto& each : session.directory().paused_projects()) all.insert(each.id);
  return all;
}

// Changes each project that `change` says differs.
int change_projects(Session& session,
                    const ProjectOptions& options,
                    const std::string& action,
                    const std::function<bool(store::Project&)>& change) {
  if (!options.all)
    throw Failure(kUsage, action +
                              " works on whole projects: say --all,"
                              " and --project N for one of them");
  std::vector<store::Project> changed;
  write_changes(session.store_to_write(), session.clock(), [&](store::Store& store) {
    store::ChangeSet changes;
    changed.clear();
    for (const auto id : projects(session, store, options)) {
      const auto before = session.directory().project(id);
      store::Project row = before.value_or(store::Project{});
      row.id = id;
      const json::object was = to_json(row);
      if (!change(row)) continue;
      const json::object is = to_json(row);
      changes.audit.push_back(core::audit_line(session.now(), audit_actor(), action,
                                               {id, "project", std::to_string(id)}, &was, &is));
      changes.projects.push_back({row, before});
      changed.push_back(std::move(row));
    }
    return changes;
  });
  if (changed.empty()) session.out() << "Nothing to " << action << ".\n";
  for (const auto& each : changed)
    session.out() << "project " << each.id << ' ' << (each.paused() ? "paused" : "resumed")
                  << (each.paused() ? "; `rruled resume --all --project " +
                                          std::to_string(each.id) + "` starts it again"
                                    : "")
                  << '\n';
  return 0;
}

int pause(Session& session, const ProjectOptions& options) {
  return change_projects(session, options, "pause", [&](store::Project& row) {
    if (row.paused() && (options.note.empty() || row.note == options.note)) return false;
    core::pause(row, session.now());
    row.note = options.note;
    return true;
  });
}

int resume(Session& session, const ProjectOptions& options) {
  const auto catch_up = store::parse_word<core::CatchUp>(options.catch_up).value();
  return change_projects(session, options, "resume", [&](store::Project& row) {
    if (!row.paused()) return false;
    core::resume(row, catch_up, session.now());
    if (!options.note.empty()) row.note = options.note;
    return true;
  });
}

int status(Session& session, const ProjectOptions& options) {
  store::Store& store = session.store_to_read();
  const auto counts = store.counts();
  json::object schedules;
  for (const auto& [word, count] : counts.schedules) schedules[store::word(word)] = count;
  json::object runs;
  for (const auto& [word, count] : counts.runs) runs[store::word(word)] = count;
  json::array paused;
  for (const auto& each : session.directory().paused_projects()) paused.push_back(to_json(each));
  const auto survey = store::survey(store, session.now());
  const std::size_t backfills = session.directory().open_backfills().size();
  const auto holder = daemon_of_store(session);
  const auto moved_to = store::moved_to(session.config().store.location);
  if (options.format == Format::json) {
    json::object object{{"paused_projects", std::move(paused)}, {"overdue", survey.overdue},
                        {"overdue_runs", survey.overdue_runs},  {"backfills", backfills},
                        {"schedules", std::move(schedules)},    {"runs", std::move(runs)}};
    if (holder) object["daemon"] = daemon_json(*holder);
    if (!moved_to.empty()) object["moved_to"] = moved_to;
    print_object(session.out(), object);
    return 0;
  }
  if (!moved_to.empty())
    session.out() << (store::is_incomplete_copy(moved_to) ? "an " : "moved to ") << moved_to
                  << ": no daemon starts on it\n";
  for (const auto& each : session.directory().paused_projects())
    session.out() << "PAUSED: project " << each.id << " since " << utc_text(each.paused_at)
                  << (each.note.empty() ? "" : " (" + cell(each.note, 100) + ")") << '\n';
  if (holder) session.out() << "daemon:     " << daemon_text(*holder) << '\n';
  const auto print = [&](const char* name, const json::object& object) {
    session.out() << name;
    for (const auto& [word, count] : object)
      session.out() << "  " << count << ' ' << std::string_view(word);
    session.out() << '\n';
  };
  print("schedules:", schedules);
  print("runs:     ", runs);
  session.out() << "overdue:    " << survey.overdue
                << (survey.overdue > 0 ? "  (`rruled schedule list --overdue` names them)" : "")
                << '\n';
  if (survey.overdue_runs > 0)
    session.out() << "not begun:  " << survey.overdue_runs
                  << " late runs  (`rruled doctor` names their executors)\n";
  if (backfills > 0) session.out() << "backfills:  " << backfills << " under way\n";
  return 0;
}

CLI::App* add_project_verb(Commands& commands,
                           CommandText text,
                           int (*run)(Session&, const ProjectOptions&),
                           std::shared_ptr<ProjectOptions>& options) {
  options = std::make_shared<ProjectOptions>();
  auto* command = add_command(commands, &commands.root, std::move(text));
  when_chosen(commands, command,
              [&commands, kept = options, run] { return run(commands.session, *kept); });
  return command;
}

}  // namespace

void add_pause(Commands& commands) {
  std::shared_ptr<ProjectOptions> options;
  auto* command = add_project_verb(
      commands,
      {"pause",
       "Stops all schedules of a project, or of every one, until resumed",
       {"rruled pause --all --note 'until the move is done'", "rruled pause --all --project 7"}},
      pause, options);
  command->add_flag("--all", options->all, "All schedules; must be said");
  command->add_option("--project", options->project, "Of this project alone")->check(positive());
  command->add_option("--note", options->note, "Why, for people");

  command = add_project_verb(
      commands,
      {"resume",
       "Starts them again",
       {"rruled resume --all", "rruled resume --all --project 7 --catch-up policy"}},
      resume, options);
  command->add_flag("--all", options->all, "All schedules; must be said");
  command->add_option("--project", options->project, "Of this project alone")->check(positive());
  add_words<core::CatchUp>(command, "--catch-up", options->catch_up, kCatchUpSummary);
  command->add_option("--note", options->note, "Why, for people");

  command = add_project_verb(commands,
                             {"status",
                              "Tells what is paused, overdue and under way",
                              {"rruled status", "rruled status --format json"}},
                             status, options);
  add_format(command, options->format, false);
}

}  // namespace rruled::cli
