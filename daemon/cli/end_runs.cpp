#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/audit.h"
#include "daemon/io/run_verbs.h"
#include "store/audience.h"
#include "store/run_desk.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;
using store::CancelResult;

struct EndRunsOptions {
  std::vector<std::string> runs;
  std::string status = "dead";
  std::string before;
  std::int64_t project = 0;  // 0: all
  bool dry_run = false;
};

// ---- cancel -------------------------------------------------------------------------------------

int cancel(Session& session, const EndRunsOptions& options) {
  store::Store& store = session.store_to_write();
  const auto audience = store.audience();
  int code = 0;
  for (const auto& text : options.runs) {
    const store::Run run = find_run(store, text);
    const std::string id = to_string(run.id);
    switch (io::cancel_run(session.directory(), *audience, run, audit_actor(), session.now())) {
      case CancelResult::cancelled:
        session.out() << id << "  cancelled\n";
        continue;
      case CancelResult::asked:
        session.out() << id << "  asked to stop: `rruled runs watch " << id << "`\n";
        continue;
      case CancelResult::ended:
        session.err() << "rruled: run " << id << " has ended already\n";
        break;
      case CancelResult::missing:
      case CancelResult::under_way:
        session.err() << "rruled: run " << id << " changed at this very moment: try again\n";
        break;
    }
    code = kRefused;
  }
  return code;
}

// ---- purge --------------------------------------------------------------------------------------

store::AuditEntry purge_line(Session& session,
                             const EndRunsOptions& options,
                             const std::vector<store::RunId>& ids) {
  json::array runs;
  for (const auto id : ids) runs.emplace_back(to_string(id));
  const json::object before{
      {"status", options.status}, {"due_before", options.before}, {"runs", std::move(runs)}};
  std::optional<std::int64_t> project;
  if (options.project != 0) project = options.project;
  return core::audit_line(session.now(), audit_actor(), "purge", {project, "runs", ""}, &before,
                          nullptr);
}

int purge(Session& session, const EndRunsOptions& options) {
  store::Store& store = options.dry_run ? session.store_to_read() : session.store_to_write();
  EndedRuns which{.project = options.project};
  which.due_to = past_argument("--before", options.before, *rrule::TimeZone::utc(), session.now());
  const auto desk = store.run_desk();
  const auto line = [&](const auto& gone) { return purge_line(session, options, gone); };
  std::size_t purged = 0;
  walk_ended_runs(store, session.directory(), which, [&](const std::vector<store::Run>& runs) {
    std::vector<store::RunId> ids;
    for (const auto& run : runs) ids.push_back(run.id);
    purged += options.dry_run ? ids.size() : desk->purge_dead(ids, line, session.now());
  });
  session.out() << purged << " dead runs "
                << (options.dry_run ? "would be removed (--dry-run): nothing was written\n"
                                    : "were removed\n");
  return 0;
}

}  // namespace

void add_end_verbs(Commands& commands, CLI::App* runs) {
  auto options = std::make_shared<EndRunsOptions>();
  auto* command = add_command(commands, runs,
                              {"cancel",
                               "Ends runs; one that is being delivered is broken off,"
                               " unless it completes first",
                               {"rruled runs cancel 0190f6a2 0190f6a3"}});
  command->add_option("RUN", options->runs, "Ids, or beginnings of ids")->required();
  when_chosen(commands, command,
              [&commands, options] { return cancel(commands.session, *options); });

  options = std::make_shared<EndRunsOptions>();
  command = add_command(commands, runs,
                        {"purge",
                         "Removes dead runs with their attempts and logs: they cannot be retried"
                         " any more, and do not fire again",
                         {"rruled runs purge --status dead --before 2026-01-01T00:00:00Z --dry-run",
                          "rruled runs purge --status dead --before 2026-01-01T00:00:00Z"}});
  command->add_option("--status", options->status, "Only dead ones can be removed")
      ->required()
      ->check(CLI::IsMember({"dead"}));
  add_past_time(command, "--before", options->before, "Due before this time")->required();
  command->add_option("--project", options->project, "Only of this project")->check(positive());
  command->add_flag("--dry-run", options->dry_run, "Only count them");
  when_chosen(commands, command,
              [&commands, options] { return purge(commands.session, *options); });
}

}  // namespace rruled::cli
