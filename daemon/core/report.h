#pragma once

#include "store/types.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace rruled::core {

// What one attempt at delivering a run came to, as its executor saw it.
struct Report {
  enum class Kind {
    completed,
    retry,   // may work later
    failed,  // will not work by trying again
    unsent   // nothing left this machine: the attempt does not count (drain)
  };
  Kind kind = Kind::completed;
  std::optional<int> status_code;  // HTTP status, or a command's exit code (`exited`)
  std::string error;               // one line for a person; empty when completed
  std::optional<std::chrono::seconds> retry_after;
  // Nobody who knows of the run has answered: the network failed, the time was up, or what stands
  // before the application said so (502, 503, 504). What a breaker counts.
  bool unreachable = false;
  // Completed: a batch job was accepted as this one of the other side, where it goes on. It is
  // asked about first after `ask_after`.
  std::string remote_id{};
  std::chrono::milliseconds ask_after{0};
  // When the first byte left (http), the process started (command), or the line was written (log).
  std::optional<store::Timestamp> started_at;
  std::optional<store::Timestamp> finished_at;
  bool exited = false;
  // Into the run's log. flow_id and run_id are filled in by the planner.
  std::vector<store::LogEntry> output;
};

}  // namespace rruled::core
