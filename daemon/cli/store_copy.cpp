#include "daemon/cli/commands.h"
#include "store/copy.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

struct CopyOptions {
  std::string from, to;
};

// The configured store, or another one, with the settings that are beside store.url.
store::StoreLocation location_of(Session& session, const std::string& url) {
  auto location = session.config().store.location;
  if (url.empty()) return location;
  location.url = url;
  location.listen_url.clear();
  return location;
}

int copy(Session& session, const CopyOptions& options) {
  const auto from = location_of(session, options.from);
  const auto to = location_of(session, options.to);
  if (options.to.empty()) make_default_store_folder(session.config());
  const auto report = store::copy_store(from, to, session.now());
  std::string rows;
  for (const auto& [table, count] : report)
    if (count > 0) rows += (rows.empty() ? "" : ", ") + std::to_string(count) + " " + table;
  session.out() << "copied " << (rows.empty() ? "an empty store" : rows) << '\n'
                << options.from << " is marked as moved: no daemon starts on it any more.\n";
  session.out() << (options.to.empty() ? "Start the daemon: store.url names the new one.\n"
                                       : "Set store.url to the new one, and start the daemon.\n");
  return 0;
}

int reopen(Session& session, const std::string& url) {
  const auto moved_to = store::reopen_store(location_of(session, url));
  if (moved_to.empty()) {
    session.out() << url << " was not moved: nothing to do\n";
  } else if (store::is_incomplete_copy(moved_to)) {
    session.out() << url << " is of use again, and empty: it was an " << moved_to << '\n';
  } else {
    session.out() << url << " is of use again; it had been copied to " << moved_to
                  << "\nLet no daemon run on that one: it would fire the same again.\n";
  }
  return 0;
}

void add_copy(Commands& commands, CLI::App* group) {
  auto options = std::make_shared<CopyOptions>();
  auto* command = add_command(
      commands, group,
      {"copy",
       "Moves a store, with its ledger: nothing is lost, nothing fires twice",
       {"rruled store copy --from sqlite:///var/lib/rruled/rruled.db --config new.toml",
        "rruled store copy --from sqlite:///srv/old.db --to postgresql://rruled@db/rruled"}});
  command->footer(command->get_footer() +
                  "\n\nStop the daemon first. The new store must be empty; it is written in one"
                  "\ntransaction, so a copy that breaks off is simply made again. The old one is"
                  "\nmarked as moved and can then only be read.");
  command->add_option("--from", options->from, "The file: sqlite:///absolute/path")
      ->required()
      ->type_name("URL");
  command
      ->add_option("--to", options->to,
                   "sqlite:///absolute/path or postgresql://..; its schema and pooler are those of"
                   " the configuration (default: store.url)")
      ->type_name("URL");
  when_chosen(commands, command, [&commands, options] { return copy(commands.session, *options); });
}

void add_reopen(Commands& commands, CLI::App* group) {
  auto url = std::make_shared<std::string>();
  auto* command = add_command(
      commands, group,
      {"reopen",
       "Takes a store that was moved, or was to be copied to, into use where the copy is given up",
       {"rruled store reopen sqlite:///var/lib/rruled/rruled.db"}});
  command->add_option("URL", *url, "sqlite:///absolute/path or postgresql://..")
      ->required()
      ->type_name("URL");
  when_chosen(commands, command, [&commands, url] { return reopen(commands.session, *url); });
}

}  // namespace

void add_store(Commands& commands) {
  auto* group = add_group(commands, "store", "Moves a store to another place");
  add_copy(commands, group);
  add_reopen(commands, group);
}

}  // namespace rruled::cli
