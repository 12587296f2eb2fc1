#pragma once

#include "daemon/io/config.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::io {

// Keys that a running daemon does not take anew: what they say holds from the next start.
[[nodiscard]] std::span<const std::string_view> restart_keys();

// Those of them in which the two differ, in the order of the table of settings.
[[nodiscard]] std::vector<std::string> keys_for_restart(const Config& before, const Config& after);

}  // namespace rruled::io
