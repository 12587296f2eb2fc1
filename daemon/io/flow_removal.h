#pragma once

#include "store/store.h"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

// How people delete flows, by the API and by the command line. A short history goes with its flow,
// in one transaction; so do several short ones. A long one would hold the store for seconds or
// minutes, while nothing fires, so it goes in steps:
//
//   FlowRemoval removal = plan_removal(store, flows);
//   begin_removal(store, removal, actor, now);    // decided: archived, without schedules
//   finish_removal(store, removal, now, stop);    // what ended, a batch at a time; then the rest
//
// Broken off in between, by a crash or a fault of the store, such a flow stays archived, without
// schedules, and with a part of its history; the same again finishes it.
namespace rruled::io {

struct FlowRemoval {
  std::vector<store::Flow> at_once{};
  std::vector<store::Flow> in_steps{};  // as they were read
};

// Reads a few hundred rows of each.
[[nodiscard]] FlowRemoval plan_removal(store::Store& store, std::vector<store::Flow> flows);

// What begin_removal() writes, to be written with others.
void add_removal(store::ChangeSet& changes,
                 store::Store& store,
                 const FlowRemoval& removal,
                 const std::string& actor,
                 store::Timestamp now);

// The transaction that decides, with a line "delete" of the audit log for each flow; nothing when
// there are none. Flows that are to go at once are gone. Of the others the unsent runs of the
// schedules are cancelled, and nothing fires any more. A conflict `changed`: somebody wrote after
// the flows were read, nothing was written, plan again; `missing`: a flow is gone.
[[nodiscard]] std::optional<store::Conflict> begin_removal(store::Store& store,
                                                           const FlowRemoval& removal,
                                                           const std::string& actor,
                                                           store::Timestamp now);

struct RemovalEnd {
  bool is_whole = true;  // false: broken off, as `stop` was requested
  // Somebody took them up again meanwhile: they are not archived any more, or have a schedule. What
  // is left of them stays.
  std::vector<store::FlowId> kept{};
};

// Removes those in steps. Blocks: about two minutes for a million runs on SQLite. After each batch
// it rests for as long as that took, so that others come to write.
[[nodiscard]] RemovalEnd finish_removal(store::Store& store,
                                        const FlowRemoval& removal,
                                        store::Timestamp now,
                                        const std::stop_token& stop = {});

}  // namespace rruled::io
