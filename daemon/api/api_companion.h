#pragma once

#include "daemon/io/companion.h"

#include <memory>

namespace rruled::api {

// The HTTP API as `rruled run` has it: where [api] listen says; null when it says nothing.
[[nodiscard]] std::unique_ptr<io::Companion> make_api(const io::Surroundings& surroundings);

}  // namespace rruled::api
