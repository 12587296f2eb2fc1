#include "daemon/cli/apply.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/output.h"
#include "daemon/io/config_settings.h"
#include "daemon/io/program.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

struct CheckConfigOptions {
  bool explain = false;
  std::string format = "table";
};

std::string key_of(const io::Setting& setting) {
  return std::string(setting.section) + "." + std::string(setting.key);
}

boost::json::array explained_json() {
  boost::json::array items;
  for (const auto& each : io::settings())
    items.push_back(boost::json::object{{"key", key_of(each)},
                                        {"type", io::type_word(each.type)},
                                        {"form", each.form},
                                        {"default", each.fallback},
                                        {"environment", io::environment_name(each)},
                                        {"also_from_file", each.also_from_file},
                                        {"meaning", each.meaning}});
  return items;
}

void explain(std::ostream& out, const std::string& format) {
  if (format == "json") return print_list(out, Format::json, explained_json());
  if (format == "markdown") {
    out << "| key | value | default | environment | meaning |\n|---|---|---|---|---|\n";
    for (const auto& each : io::settings())
      out << "| `" << key_of(each) << "` | " << io::type_word(each.type) << ": " << each.form
          << " | " << each.fallback << " | `" << io::environment_name(each) << "`"
          << (each.also_from_file ? ", `.._FILE`" : "") << " | " << each.meaning << " |\n";
    return;
  }
  for (const auto& each : io::settings()) {
    out << key_of(each) << "  (" << io::type_word(each.type) << ": " << each.form << ")\n    "
        << each.meaning;
    if (!each.fallback.empty()) out << " Default: " << each.fallback << '.';
    out << "\n    " << io::environment_name(each);
    if (each.also_from_file) out << ", or " << io::environment_name(each) << "_FILE names a file";
    out << '\n';
  }
}

// What the daemon would end with at its start.
void refuse_wrong_apply(Session& session) {
  const auto& config = session.config();
  const auto origin = config.origins.find("store.apply");
  if (config.store.apply.empty() || origin == config.origins.end()) return;
  try {
    refuse_wrong_files(session, config.store.apply);
  } catch (const Failure& failure) {
    throw Failure(kConfiguration, io::to_string({origin->second, "store.apply", failure.what()}));
  }
}

int check(Session& session) {
  const io::Config& config = session.usable_config();
  refuse_wrong_apply(session);
  auto& out = session.out();
  for (const auto& each : config.sources) out << "read " << each << '\n';
  if (config.sources.empty()) out << "no configuration file: defaults and environment\n";
  out << "store " << config.store.url << '\n';
  for (const auto& each : config.executors)
    out << "executor " << each.name << " (" << store::word(each.type) << ")\n";
  // No mistake: it may be installed later, or for the daemon's user alone.
  for (const auto& each : config.executors)
    if (each.type == io::ExecutorType::command)
      if (const auto why = io::why_no_program(each.argv.front()); !why.empty())
        session.err() << "warning: executors." << each.name << ".argv: " << why
                      << "; install it, or correct it\n";
  out << "The configuration is good.\n";
  return 0;
}

}  // namespace

void add_check_config(Commands& commands) {
  auto options = std::make_shared<CheckConfigOptions>();
  auto* command =
      add_command(commands, &commands.root,
                  {"check-config",
                   "Reads the configuration as the daemon would, and says what is wrong with it",
                   {"rruled check-config --config rruled.toml", "rruled check-config --explain",
                    "rruled check-config --explain --format markdown"}});
  command->add_flag("--explain", options->explain, "List every setting instead");
  const auto* format =
      command->add_option("--format", options->format, "Of --explain (default: table)")
          ->check(CLI::IsMember({"table", "json", "markdown"}));
  when_chosen(commands, command, [&commands, options, format] {
    if (!options->explain && format->count() > 0)
      throw Failure(kUsage, "--format: only with --explain");
    if (!options->explain) return check(commands.session);
    explain(commands.session.out(), options->format);
    return 0;
  });
}

}  // namespace rruled::cli
