#pragma once

#include "store/types.h"

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace rruled::cli {

// What happened to runs between two looks at those due last. Pure.
class RunWatch {
 public:
  struct Events {
    std::vector<store::Run> runs;  // that came, were tried or ended since, in order of due_at
    bool more = false;             // others may have come, too, and left the list again
  };
  // `runs`: at most `limit`, latest due first. The first look has no events.
  [[nodiscard]] Events look(const std::vector<store::Run>& runs, std::size_t limit);

 private:
  using State = std::pair<store::RunStatus, int>;  // and attempts
  std::optional<std::map<store::RunId, State>> known_;
};

}  // namespace rruled::cli
