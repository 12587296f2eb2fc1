#pragma once

#include "daemon/io/config.h"

#include <spdlog/formatter.h>
#include <spdlog/logger.h>

#include <memory>

namespace rruled::io {

// Lines to stdout, for people ("text": local time, level, text; coloured on a terminal) or for
// programs ("json": one object a line with time, level, message and the LogFields); or entries for
// the journal ("journald": journald_sink.h). Thread-safe. Throws std::runtime_error with what to do
// next.
[[nodiscard]] std::shared_ptr<spdlog::logger> make_logger(const Config::Log& config);
// What the lines of "text" look like: one line each, without control characters, whatever came in.
[[nodiscard]] std::unique_ptr<spdlog::formatter> text_formatter();
[[nodiscard]] spdlog::level::level_enum level_of(LogVerbosity verbosity);

}  // namespace rruled::io
