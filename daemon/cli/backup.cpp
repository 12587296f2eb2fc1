#include "store/backup.h"

#include "daemon/cli/commands.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

int back_up(Session& session, const std::string& target) {
  const auto& store = session.config().store;
  if (store.sqlite_file.empty())
    throw Failure(kRefused, "the store is " + store.url +
                                ": PostgreSQL has its own: pg_dump --format=custom --schema=" +
                                store.location.schema + " --file=" + target);
  const auto bytes = store::back_up_sqlite(store.sqlite_file.string(), target);
  session.out() << target << "  " << bytes << " bytes, checked\n";
  return 0;
}

}  // namespace

void add_backup(Commands& commands) {
  auto target = std::make_shared<std::string>();
  auto* command = add_command(commands, &commands.root,
                              {"backup",
                               "Copies the store's file as it is now, beside a daemon that runs",
                               {"rruled backup /var/backups/rruled-$(date +%F).db"}});
  command->footer(command->get_footer() +
                  "\n\nTo restore: stop the daemon, move the store's file and its -wal and -shm"
                  "\naway, put the backup in its place, start the daemon.");
  command->add_option("FILE", *target, "The new file")->required();
  when_chosen(commands, command,
              [&commands, target] { return back_up(commands.session, *target); });
}

}  // namespace rruled::cli
