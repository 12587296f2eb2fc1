#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/trouble.h"
#include "store/errors.h"

#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace rruled::io {

// Rows that a loop writes one by one, and that the store refuses or cannot read as they are: a
// person has to correct them. Each is said and set aside for a minute, so that it neither stops the
// others nor keeps them waiting; said again when the words change, and once an hour. One thread at
// a time.
class RefusedRows {
 public:
  // Both outlive it.
  RefusedRows(const Clock& clock, spdlog::logger& log) : clock_(clock), log_(log) {}

  // Does the row's `work`, unless it is set aside; sets it aside for an error that may be the row's
  // alone, and throws others. `row` names the row for people, `undone` says what was not done then,
  // and when it is tried again.
  void attempt(const std::string& row, const char* undone, const std::function<void()>& work);
  [[nodiscard]] bool is_set_aside(const std::string& row) const;
  // Where a loop takes so many rows at most, it takes so many more.
  [[nodiscard]] std::size_t count() const { return rows_.size(); }

  static constexpr std::chrono::minutes kSetAside{1};

 private:
  static constexpr std::chrono::hours kSaidEvery{1};

  struct Refused {
    std::chrono::steady_clock::time_point until;
    Trouble trouble{kSaidEvery};
  };

  void set_aside(const std::string& row, const char* undone, const store::StoreError& error);

  const Clock& clock_;
  spdlog::logger& log_;
  std::map<std::string, Refused> rows_;
};

}  // namespace rruled::io
