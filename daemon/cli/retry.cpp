#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/io/run_verbs.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

struct RetryOptions {
  std::vector<std::string> runs;
  std::string since;
  bool all_dead = false;
  std::int64_t project = 0;  // 0: all
};

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
      return "is a batch job that fanned out: retry its invocations that failed";
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

int retry_dead(Session& session, store::Store& store, const RetryOptions& options) {
  DeadRuns which{.project = options.project};
  if (!options.since.empty())
    which.due_from =
        time_argument("--since", options.since, *rrule::TimeZone::utc(), session.now());
  std::size_t retried = 0;
  walk_dead_runs(store, session.directory(), which, [&](const std::vector<store::Run>& runs) {
    for (const auto& run : runs) {
      if (retry_one(session, store, run).empty()) ++retried;
    }
  });
  session.out() << retried << " dead runs are tried again\n";
  return 0;
}

int retry(Session& session, const RetryOptions& options) {
  if (options.all_dead == !options.runs.empty())
    throw Failure(kUsage, "say which runs: ids, or --all-dead");
  store::Store& store = session.store_to_write();
  return options.all_dead ? retry_dead(session, store, options)
                          : retry_named(session, store, options);
}

}  // namespace

void add_retry_verb(Commands& commands, CLI::App* runs) {
  auto options = std::make_shared<RetryOptions>();
  auto* command = add_command(commands, runs,
                              {"retry",
                               "Tries failed or dead runs again, with the same key and body",
                               {"rruled runs retry 0190f6a2 0190f6a3",
                                "rruled runs retry --all-dead --since 2026-01-01T00:00:00Z"}});
  command->add_option("RUN", options->runs, "Ids, or beginnings of ids");
  command->add_flag("--all-dead", options->all_dead, "Every run whose attempts are used up");
  command->add_option("--since", options->since, "With --all-dead: due at this time or later")
      ->type_name("TIME");
  command->add_option("--project", options->project, "With --all-dead: of this project alone")
      ->check(positive());
  when_chosen(commands, command,
              [&commands, options] { return retry(commands.session, *options); });
}

}  // namespace rruled::cli
