#pragma once

#include "store/types.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rruled::io {

// What a log line is about, for programs: in JSON lines by these names, in the journal as
// RRULED_NAME.
struct LogField {
  std::string_view name;  // a literal: a-z and _
  std::variant<std::string, std::int64_t> value;
};
using LogFields = std::vector<LogField>;

// The lines that this thread logs during its life have the fields that `make` gives, which is
// called once, and only when a line needs them. Not nested.
//
//   const LogScope about([&run] { return fields_of(run); });
//   log->info("..");
class LogScope {
 public:
  explicit LogScope(std::function<LogFields()> make);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  // Of this thread now; null: none.
  [[nodiscard]] static const LogFields* now();

 private:
  const std::function<LogFields()> make_;
  std::optional<LogFields> fields_;
};

// run, flow, project, schedule, scheduled_for, origin, attempt, executor, trace_id.
[[nodiscard]] LogFields fields_of(const store::Run& run);

}  // namespace rruled::io
