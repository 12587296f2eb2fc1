#pragma once

#include "store/copy.h"

#include <memory>

namespace rruled::store {

// Makes the schema when it is missing, and brings it to the present.
[[nodiscard]] std::unique_ptr<CopyTarget> open_postgres_target(const StoreLocation& location);

// See moved_to() and reopen_store().
[[nodiscard]] std::string postgres_mark(const StoreLocation& location);
[[nodiscard]] std::string reopen_postgres(const StoreLocation& location);

}  // namespace rruled::store
