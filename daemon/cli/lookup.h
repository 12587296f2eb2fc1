#pragma once

#include "daemon/cli/session.h"
#include "store/directory.h"
#include "store/store.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

// Rows by what a person types: an id, the beginning of one (at least four characters) or a flow's
// name.
namespace rruled::cli {

inline constexpr std::size_t kIdPrefixMin = 4;  // characters of the beginning of an id

// Throws Failure 1 when nothing, or more than one thing, is meant.
[[nodiscard]] store::Flow find_flow(store::Store& store, const std::string& text);
[[nodiscard]] store::Schedule find_schedule(store::Store& store, const std::string& text);
[[nodiscard]] store::Run find_run(store::Store& store, const std::string& text);
// The beginning of an id is enough while runs are still added to it.
[[nodiscard]] store::Backfill find_backfill(store::Directory& directory, const std::string& text);
[[nodiscard]] store::Token find_token(store::Directory& directory, const std::string& text);
// The id, of whatever kind, that begins with `text` or is that of the flow of this name; a whole id
// is what it is, of something deleted too.
[[nodiscard]] std::string find_object(store::Store& store,
                                      store::Directory& directory,
                                      const std::string& text);

// Everything that a query finds at one moment, in the order of the store.
[[nodiscard]] std::vector<store::Flow> all_flows(store::Store& store, store::FlowQuery query = {});
[[nodiscard]] std::vector<store::Schedule> all_schedules(store::Store& store,
                                                         store::ScheduleQuery query = {});

// Runs of one final status, of one project or (0) of all.
struct EndedRuns {
  store::RunStatus status = store::RunStatus::dead;
  std::int64_t project = 0;
  std::optional<store::Timestamp> due_from{};  // inclusive
  std::optional<store::Timestamp> due_to{};    // exclusive
};
// Gives each of them once, a page at a time, whatever is done to those of a page: one that is tried
// again and ends so at once is behind the walk.
void walk_ended_runs(store::Store& store,
                     store::Directory& directory,
                     const EndedRuns& which,
                     const std::function<void(const std::vector<store::Run>&)>& page);

// Who is at the command line, for the audit log: "cli <user>".
[[nodiscard]] std::string audit_actor();

// 20 to 200 ms, at random.
void wait_for_others();

// Builds changes from what the store holds and writes them; builds them anew, a few times, when
// somebody else wrote in between. The audit log has a line for each object. Nothing to change
// writes nothing. Throws Failure 1 for what cannot be.
void write_changes(store::Store& store,
                   const io::Clock& clock,
                   const std::function<store::ChangeSet(store::Store&)>& build);
// The same for a write of its own kind: `attempt` gives the conflict because of which it wrote
// nothing. Calls `wait` before each attempt but the first: what fires each second, or a batch of
// the daemon, is past then.
void write_by(const std::function<std::optional<store::Conflict>()>& attempt,
              const std::function<void()>& wait = wait_for_others);

}  // namespace rruled::cli
