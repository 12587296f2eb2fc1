#pragma once

#include "store/copy.h"

#include <memory>

namespace rruled::store {

// Makes the schema when it is missing, and brings it to the present.
[[nodiscard]] std::unique_ptr<CopyTarget> open_postgres_target(const StoreLocation& location);

}  // namespace rruled::store
