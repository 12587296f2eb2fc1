#pragma once

#include "daemon/core/action.h"
#include "tests/support/simulation.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace rruled::test {

using core::Action;

// When the planners are made.
inline const Instant kNow = at("2026-03-01T00:00:00Z");

template <class Wanted>
std::vector<Wanted> all_of(const std::vector<Action>& actions) {
  std::vector<Wanted> found;
  for (const Action& action : actions)
    if (const auto* wanted = std::get_if<Wanted>(&action)) found.push_back(*wanted);
  return found;
}

// As a claim gives it, at its first attempt.
inline store::Run claimed_run(std::uint8_t number, const std::string& executor = "default") {
  store::Run run;
  run.id.value.data[15] = number;
  run.executor = executor;
  run.status = store::RunStatus::dispatching;
  run.attempts = 1;
  run.fence = 1;
  return run;
}

}  // namespace rruled::test
