#pragma once

#include "store/store.h"

#include <optional>
#include <string>

// What is written with its lines in the audit log.
namespace rruled::io {

// Adds a line for each flow, schedule and manual run that `changes` create, update or delete; what
// goes with a flow that is deleted has no line of its own. Reads from `store` what is there now:
// the stamps in `changes` see to it that it is so when it is written.
void add_audit(store::ChangeSet& changes,
               store::Store& store,
               const std::string& actor,
               store::Timestamp now);

// Writes `changes`, unless they are empty, with these lines.
[[nodiscard]] std::optional<store::Conflict> write_with_audit(store::ChangeSet changes,
                                                              store::Store& store,
                                                              const std::string& actor,
                                                              store::Timestamp now);

}  // namespace rruled::io
