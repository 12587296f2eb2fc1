#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/io/run_verbs.h"

#include <iostream>
#include <map>
#include <memory>

namespace rruled::cli {
namespace {

struct RetryOptions {
  std::vector<std::string> runs;
  std::string since;
  bool all_dead = false;
  bool all_failed = false;
  bool dry_run = false;
  std::int64_t project = 0;  // 0: all
};

constexpr char kFannedOut[] = "is a batch job that fanned out: retry its invocations that failed";

// Why it was not tried again; empty: it was.
std::string retry_one(Session& session, store::Store& store, const store::Run& run) {
  const std::string status(store::word(run.status));
  switch (io::retry_run(store, session.directory(), run, audit_actor(), session.now())) {
    case store::RetryResult::retried:
      return {};
    case store::RetryResult::missing:
      return "does not exist any more";
    case store::RetryResult::under_way:
      return "has not ended yet: it is " + status;
    case store::RetryResult::not_failed:
      return "is " + status + ": only failed and dead runs are tried again";
    case store::RetryResult::has_children:
      return kFannedOut;
  }
  return {};
}

int retry_named(Session& session, store::Store& store, const RetryOptions& options) {
  int code = 0;
  for (const auto& text : options.runs) {
    const store::Run run = find_run(store, text);
    const std::string why = retry_one(session, store, run);
    if (why.empty()) {
      session.out() << to_string(run.id) << "  pending\n";
      continue;
    }
    session.err() << "rruled: run " << to_string(run.id) << ' ' << why << '\n';
    code = kRefused;
  }
  return code;
}

// What retry_one() would say of a run that has failed or is dead.
std::string refusal_of(Session& session, const store::Run& run) {
  if (run.kind != store::RunKind::batch_job) return {};
  store::RunFilter children{.project_id = run.project_id};
  children.parent_id = store::ParentId{run.id.value};
  return session.directory().runs(children, {1, 0}, false).rows.empty() ? "" : kFannedOut;
}

void print_by_flow(Session& session,
                   store::Store& store,
                   const std::map<store::FlowId, std::size_t>& counts) {
  Table table({"FLOW", "RUNS", "NAME"});
  for (const auto& [id, count] : counts) {
    const auto flow = store.flow(id);
    table.add(
        {to_string(id), std::to_string(count), flow ? cell(flow->name.value_or("-"), 60) : "-"});
  }
  if (!table.empty()) table.print(session.out());
}

int retry_all(Session& session, const RetryOptions& options) {
  store::Store& store = options.dry_run ? session.store_to_read() : session.store_to_write();
  EndedRuns which{.project = options.project};
  if (options.all_failed) which.status = store::RunStatus::failed;
  which.due_from = utc_argument("--since", options.since, session.now());
  std::size_t retried = 0;
  std::map<store::FlowId, std::size_t> by_flow;
  std::map<std::string, std::size_t> left;
  walk_ended_runs(store, session.directory(), which, [&](const std::vector<store::Run>& runs) {
    for (const auto& run : runs) {
      const auto why = options.dry_run ? refusal_of(session, run) : retry_one(session, store, run);
      if (!why.empty()) {
        ++left[why];
        continue;
      }
      ++retried;
      ++by_flow[run.flow_id];
    }
  });
  if (options.dry_run) print_by_flow(session, store, by_flow);
  session.out() << retried << ' ' << store::word(which.status) << " runs "
                << (options.dry_run ? "would be tried again (--dry-run): nothing was written\n"
                                    : "are tried again\n");
  for (const auto& [why, count] : left) session.out() << count << " not: each " << why << '\n';
  return 0;
}

int retry(Session& session, const RetryOptions& options) {
  const bool named = !options.runs.empty();
  if (int{named} + int{options.all_dead} + int{options.all_failed} != 1)
    throw Failure(kUsage, "say which runs: ids, --all-dead or --all-failed");
  const char* of_all = options.dry_run          ? "--dry-run"
                       : options.project > 0    ? "--project"
                       : !options.since.empty() ? "--since"
                                                : nullptr;
  if (named && of_all != nullptr)
    throw Failure(kUsage, std::string(of_all) + " goes with --all-dead or --all-failed");
  return named ? retry_named(session, session.store_to_write(), options)
               : retry_all(session, options);
}

}  // namespace

void add_retry_verb(Commands& commands, CLI::App* runs) {
  auto options = std::make_shared<RetryOptions>();
  auto* command = add_command(commands, runs,
                              {"retry",
                               "Tries failed or dead runs again, with the same key and body",
                               {"rruled runs retry 0190f6a2 0190f6a3",
                                "rruled runs retry --all-dead --since 2026-01-01T00:00:00Z",
                                "rruled runs retry --all-failed --project 2 --dry-run"}});
  command->add_option("RUN", options->runs, "Ids, or beginnings of ids");
  command->add_flag("--all-dead", options->all_dead, "Every run whose attempts are used up");
  command->add_flag("--all-failed", options->all_failed,
                    "Every run whose failure was final, as the exit code of a command is");
  add_past_time(command, "--since", options->since, "With --all-..: due at this time or later");
  command->add_option("--project", options->project, "With --all-..: of this project alone")
      ->check(positive());
  command->add_flag("--dry-run", options->dry_run, "With --all-..: only count them, by flow");
  when_chosen(commands, command,
              [&commands, options] { return retry(commands.session, *options); });
}

}  // namespace rruled::cli
