#include "daemon/cli/commands.h"

#include "daemon/cli/output.h"
#include "daemon/cli/token.h"
#include "rrule/edit_distance.h"
#include "store/errors.h"

#include <algorithm>
#include <ostream>
#include <utility>

namespace rruled::cli {
namespace {

std::string footer(const std::vector<std::string>& examples) {
  std::string text = "Examples:";
  for (const auto& each : examples) text += "\n  " + each;
  return text;
}

void add_all(Commands& commands) {
  add_run(commands);
  add_preview(commands);
  add_flow(commands);
  add_schedule(commands);
  add_runs(commands);
  add_calendar(commands);
  add_backfill(commands);
  add_pause(commands);
  add_apply(commands);
  add_transfer(commands);
  add_check_config(commands);
  add_migrate(commands);
  add_token(commands);
  add_audit(commands);
  add_store(commands);
  add_backup(commands);
  add_healthcheck(commands);
  add_doctor(commands);
}

// The command whose options the mistake was in, as it is typed.
std::string command_path(const CLI::App& app) {
  for (const auto* each : app.get_subcommands()) return app.get_name() + " " + command_path(*each);
  return app.get_name();
}

// What was typed where a command should be, though there is none of that name; empty: nothing. What
// comes after an option may be its value.
std::string unknown_command(const CLI::App& app) {
  for (const auto* each : app.get_subcommands()) return unknown_command(*each);
  if (app.get_require_subcommand_min() == 0) return {};
  const auto rest = app.remaining();
  return rest.empty() || rest.front().starts_with('-') ? std::string() : rest.front();
}

// What is given empty is a variable of the shell that is not set, and not a wish for the default.
// A note and a description may be taken away so.
void refuse_empty(const CLI::App& app) {
  for (const auto* each : app.get_subcommands()) refuse_empty(*each);
  for (const auto* option : app.get_options())
    for (const auto& value : option->results())
      if (value.empty() && option->get_name() != "--note" && option->get_name() != "--description")
        throw CLI::ValidationError(option->get_name(),
                                   "must not be empty; leave it out if there is nothing to say");
}

// " Did you mean 'schedule'?", or "".
std::string nearest_command(const CLI::App& app, const std::string& typed) {
  for (const auto* each : app.get_subcommands()) return nearest_command(*each, typed);
  std::pair<std::size_t, std::string> best{typed.size(), ""};
  for (const auto* each : app.get_subcommands([](const CLI::App*) { return true; }))
    if (rrule::is_slip(typed, each->get_name()))
      best = std::min(best, {rrule::edit_distance(typed, each->get_name()), each->get_name()});
  return best.second.empty() ? "" : "; did you mean '" + best.second + "'?";
}

// An option that was typed where a command should be.
std::string option_without_command(const CLI::App& app) {
  for (const auto* each : app.get_subcommands()) return option_without_command(*each);
  const auto rest = app.remaining();
  return app.get_require_subcommand_min() == 0 || rest.empty() ? "" : rest.front();
}

int report(const CLI::ParseError& error, const CLI::App& root, Session& session) {
  const auto unknown = unknown_command(root);
  const bool helped = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
  if (helped && unknown.empty()) return root.exit(error, session.out(), session.err());
  std::string what = error.what();
  const auto option = option_without_command(root);
  if (!unknown.empty())
    what = "there is no command '" + unknown + "'" + nearest_command(root, unknown);
  else if (!option.empty())
    what = "there is no option '" + option + "' here, and a command is missing";
  session.err() << "rruled: " << clean_lines(what) << "\nTry `" << command_path(root)
                << " --help`.\n";
  return kUsage;
}

// The words after the program's name, last first, as CLI11 takes them; `rruled help COMMAND` is
// `rruled COMMAND --help`.
std::vector<std::string> words_of(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::ranges::reverse(words);
  return words;
}

int run_chosen(Commands& commands) {
  Session& session = commands.session;
  try {
    const int code = commands.chosen();
    if (session.out().flush()) return code;
    session.err() << "rruled: the output could not be written whole; what the command did to the"
                     " store stays: make room, or look where it goes to, and ask again\n";
    return kRefused;
  } catch (const Failure& failure) {
    session.err() << "rruled: " << clean_lines(failure.what()) << '\n';
    return failure.exit_code();
  } catch (const store::StoreError& error) {
    session.err() << "rruled: " << clean_lines(error.what()) << '\n';
    return kRefused;
  } catch (const std::exception& error) {
    session.err() << "rruled: " << clean_lines(error.what()) << '\n';
    return kRefused;
  }
}

}  // namespace

CLI::App* add_command(Commands& commands, CLI::App* parent, CommandText text) {
  auto* command = parent->add_subcommand(text.name, text.summary);
  command->footer(footer(text.examples));
  command
      ->add_option("--config", commands.session.config_file,
                   "Configuration file (default: $RRULED_CONFIG, /etc/rruled/rruled.toml)")
      ->type_name("FILE");
  return command;
}

CLI::App* add_group(Commands& commands, const std::string& name, const std::string& summary) {
  auto* group = commands.root.add_subcommand(name, summary);
  group->require_subcommand(1);
  group->footer("`rruled " + name + " VERB --help` tells about each.");
  return group;
}

void when_chosen(Commands& commands, CLI::App* command, std::function<int()> run) {
  command->callback([&commands, run = std::move(run)] { commands.chosen = run; });
}

int execute(int argc, const char* const* argv, Session& session) {
  CLI::App root("rruled: schedules for recurring flow runs", "rruled");
  root.set_version_flag("--version", std::string("rruled ") + RRULED_VERSION);
  root.require_subcommand(1);
  root.footer(
      "Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 78 wrong configuration."
      "\n`rruled COMMAND --help` tells about each command, with examples.");
  Commands commands{root, session, {}};
  add_all(commands);
  try {
    root.parse(words_of(argc, argv));
    refuse_empty(root);
  } catch (const CLI::ParseError& error) {
    return report(error, root, session);
  }
  return run_chosen(commands);
}

}  // namespace rruled::cli
