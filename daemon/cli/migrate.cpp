#include "daemon/cli/commands.h"

#include <iostream>

namespace rruled::cli {
namespace {

// As the daemon opens it: a file alone, checked, and brought to the present schema.
int migrate(Session& session) {
  const auto& config = session.config();
  make_default_store_folder(config);
  const auto opened = store::open_store(config.store.location, store::OpenMode::daemon);
  session.out() << "store " << config.store.url << " has the schema of this version\n";
  return 0;
}

}  // namespace

void add_migrate(Commands& commands) {
  auto* command = add_command(commands, &commands.root,
                              {"migrate",
                               "Makes the store, or brings it to this version's schema",
                               {"rruled migrate --config rruled.toml"}});
  when_chosen(commands, command, [&commands] { return migrate(commands.session); });
}

}  // namespace rruled::cli
