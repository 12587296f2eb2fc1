#pragma once

#include "daemon/core/catchup.h"
#include "store/types.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

// What may become of an occurrence, from the words of semantics.md alone: arithmetic on a fixed
// interval, no rule, no planner.
namespace rruled::test {

using store::Instant;
using store::Timestamp;

// When daemons could work.
struct Up {
  struct Absence {
    std::size_t daemon = 0;
    Timestamp from;
    Timestamp to;
  };
  std::size_t daemons = 1;
  std::vector<Absence> absent;

  // Some daemon was there throughout [from, to].
  [[nodiscard]] bool some_throughout(Timestamp from, Timestamp to) const;
};

// What the world did to one schedule.
struct Life {
  struct Pause {
    Timestamp from;
    Timestamp to;
    core::CatchUp catch_up = core::CatchUp::none;
  };
  std::chrono::seconds interval{60};
  std::vector<Pause> pauses;
  std::optional<Timestamp> paused_since;
  Up up;

  [[nodiscard]] const Pause* pause_at(Timestamp time) const;
};

// What is wrong with what the ledger has of `schedule`, a line each.
[[nodiscard]] std::vector<std::string> model_problems(const store::Schedule& schedule,
                                                      std::vector<store::Run> runs,
                                                      const std::vector<store::Gap>& gaps,
                                                      const Life& life);

}  // namespace rruled::test
