#pragma once

#include "daemon/cli/session.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

// One file a command group. Each add_.. puts its commands, with their options and help, below
// `root`.
namespace rruled::cli {

// Where the command line that was given ends up: what to do, and its exit code.
struct Commands {
  CLI::App& root;
  Session& session;
  std::function<int()> chosen;
};

// A command that does something: `examples` are whole command lines, shown by --help. `run` is
// called after the whole command line was read.
struct CommandText {
  std::string name;
  std::string summary;
  std::vector<std::string> examples;
};
CLI::App* add_command(Commands& commands, CLI::App* parent, CommandText text);
// A noun, below which verbs are.
CLI::App* add_group(Commands& commands, const std::string& name, const std::string& summary);
void when_chosen(Commands& commands, CLI::App* command, std::function<int()> run);

void add_preview(Commands& commands);
void add_flow(Commands& commands);
void add_schedule(Commands& commands);
void add_runs(Commands& commands);
void add_transfer(Commands& commands);  // import, export
void add_apply(Commands& commands);
void add_audit(Commands& commands);
void add_check_config(Commands& commands);
void add_migrate(Commands& commands);
void add_store(Commands& commands);  // copy, reopen
void add_healthcheck(Commands& commands);
void add_backup(Commands& commands);
void add_doctor(Commands& commands);
void add_run(Commands& commands);
void add_calendar(Commands& commands);
void add_backfill(Commands& commands);
void add_pause(Commands& commands);  // pause, resume, status
// Verbs of a group that is there.
void add_backfill_verb(Commands& commands, CLI::App* schedule);
void add_schedule_reads(Commands& commands, CLI::App* schedules);
void add_skip_verbs(Commands& commands, CLI::App* schedules);
void add_explain_verb(Commands& commands, CLI::App* schedule);
void add_gaps_verb(Commands& commands, CLI::App* runs);
void add_retry_verb(Commands& commands, CLI::App* runs);
void add_end_verbs(Commands& commands, CLI::App* runs);  // cancel, purge

// Reads the command line and does what it says. Exit codes: session.h.
[[nodiscard]] int execute(int argc, const char* const* argv, Session& session);

}  // namespace rruled::cli
