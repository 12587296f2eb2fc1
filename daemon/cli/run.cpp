#include "daemon/cli/apply.h"
#include "daemon/cli/commands.h"
#include "daemon/io/calendar_finder.h"
#include "daemon/io/descriptor_limit.h"
#include "daemon/io/service.h"
#include "store/directory.h"

#include <csignal>
#include <memory>

namespace rruled::cli {
namespace {

// Files that [store] apply names become the store's content before anything fires.
void apply_configured(Session& session,
                      store::Store& store,
                      const rrule::ZoneDatabase& zones,
                      spdlog::logger& log) {
  const auto& path = session.config().store.apply;
  if (path.empty()) return;
  const auto directory = store.directory();
  auto rules = io::schedule_rules(session.config(), zones);
  rules.calendars = io::calendar_finder(*directory, zones);
  const auto lines = apply_files(store, path, {}, rules, session.clock()).lines;
  for (const auto& each : lines) log.info("apply: {}", each);
  log.info("applied {}: {} changes", path.string(), lines.size());
}

int run_daemon(Session& session, bool dry_run) {
  const auto& config = session.usable_config();
  if (!dry_run) make_default_store_folder(config);
  io::ServiceOptions options;
  options.dry_run = dry_run;
  options.prepare = [&session](store::Store& store, const rrule::ZoneDatabase& zones,
                               spdlog::logger& log) {
    apply_configured(session, store, zones, log);
  };
  options.companion = session.companion();
  options.reload = [&session] { return session.load_again(); };
  io::raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);  // who reads the log may go, and the daemon goes on
  return io::run_service(config, options);
}

}  // namespace

void add_run(Commands& commands) {
  auto dry_run = std::make_shared<bool>(false);
  auto* command = add_command(
      commands, &commands.root,
      {"run",
       "The daemon: fires what is due, until it is told to stop (Ctrl-C, SIGTERM)",
       {"rruled run", "rruled run --config rruled.toml",
        "rruled run --dry-run     (says what it would send where, and writes nothing)"}});
  command->add_flag("--dry-run", *dry_run, "On a copy that follows the real store: only tells");
  when_chosen(commands, command,
              [&commands, dry_run] { return run_daemon(commands.session, *dry_run); });
}

}  // namespace rruled::cli
