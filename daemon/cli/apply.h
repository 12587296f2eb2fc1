#pragma once

#include "daemon/core/bundle.h"
#include "daemon/io/clock.h"
#include "store/store.h"

#include <filesystem>
#include <string>
#include <vector>

namespace rruled::cli {

struct ApplyOptions {
  bool prune = false;    // also delete what is not in the files, of the projects that they name
  bool dry_run = false;  // only say what would change
};

// Makes `store` equal to the files: one file, or the *.json of a folder, together, in one
// transaction. Gives what changed, a line each; nothing changed, nothing is written. Throws
// Failure.
std::vector<std::string> apply_files(store::Store& store,
                                     const std::filesystem::path& path,
                                     const ApplyOptions& options,
                                     const core::ScheduleRules& rules,
                                     const io::Clock& clock);

// The rows that a plan for `bundle` needs to know.
[[nodiscard]] core::StoredRows stored_rows(store::Store& store,
                                           const core::Bundle& bundle,
                                           core::BundleUse use);

}  // namespace rruled::cli
