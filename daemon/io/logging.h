#pragma once

#include "daemon/io/config.h"

#include <spdlog/logger.h>

#include <memory>

namespace rruled::io {

// Lines to stdout: for people ("console": local time, level, text; coloured on a terminal) or for
// programs ("json": one object a line with time, level and message). Thread-safe.
[[nodiscard]] std::shared_ptr<spdlog::logger> make_logger(const Config::Log& config);

}  // namespace rruled::io
