#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace rruled::test {

// Stands between SQLite and the files, for as long as it lives: sees each step that changes
// something (write, truncate, sync, delete) before it is done. One at a time.
class FaultVfs {
 public:
  enum class Step { write, truncate, sync, remove };
  enum class Answer {
    go,
    fail,      // SQLITE_IOERR of the kind
    full,      // SQLITE_FULL
    die,       // SIGKILL instead of the step
    half_die,  // half of a write, then SIGKILL
  };
  // `number` counts the steps from 0.
  using Decide = std::function<Answer(std::size_t number, Step step, const std::string& file)>;

  explicit FaultVfs(Decide decide);
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
};

}  // namespace rruled::test
