#pragma once

#include "daemon/cli/session.h"
#include "daemon/core/bundle.h"
#include "daemon/io/clock.h"
#include "daemon/io/flow_removal.h"
#include "store/store.h"

#include <filesystem>
#include <string>
#include <vector>

namespace rruled::cli {

struct ApplyOptions {
  bool prune = false;    // also delete what is not in the files, of the projects that they name
  bool dry_run = false;  // only say what would change
};

struct Applied {
  std::vector<std::string> lines{};  // what changed, a line each
  io::FlowRemoval removal{};         // of a prune, begun: for finish_removal()
};

// Makes `store` equal to the files: one file, or the *.json of a folder, together, in one
// transaction. Nothing changed, nothing is written. Throws Failure.
Applied apply_files(store::Store& store,
                    const std::filesystem::path& path,
                    const ApplyOptions& options,
                    const core::ScheduleRules& rules,
                    const io::Clock& clock);

// The same for what was read already, with ids.
Applied apply_bundle(store::Store& store,
                     const core::Bundle& bundle,
                     const ApplyOptions& options,
                     const core::ScheduleRules& rules,
                     const io::Clock& clock);

// Throws Failure for files that no store takes, as far as it can be known without one.
void refuse_wrong_files(Session& session, const std::filesystem::path& path);

// The rows that a plan for `bundle` needs to know.
[[nodiscard]] core::StoredRows stored_rows(store::Store& store,
                                           const core::Bundle& bundle,
                                           core::BundleUse use);

}  // namespace rruled::cli
