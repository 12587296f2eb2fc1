#pragma once

#include "store/copy.h"

#include <memory>
#include <string>

namespace rruled::store {

// The file must exist and have the present schema. Throws StoreError locked while a daemon has it.
[[nodiscard]] std::unique_ptr<CopySource> open_sqlite_source(const std::string& path,
                                                             Timestamp now);
// Makes the file when it is missing, and locks it as a daemon does.
[[nodiscard]] std::unique_ptr<CopyTarget> open_sqlite_target(const std::string& path);
// See moved_to() and reopen_store().
[[nodiscard]] std::string sqlite_moved_to(const std::string& path);
[[nodiscard]] std::string reopen_sqlite(const std::string& path);

}  // namespace rruled::store
