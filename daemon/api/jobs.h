#pragma once

#include "daemon/api/call.h"
#include "store/types.h"

#include <array>
#include <string_view>
#include <vector>

namespace rruled::api {

inline constexpr std::array<std::string_view, 6> kJobWords{"waiting",   "queued",    "active",
                                                           "completed", "cancelled", "failed"};
// A run's status in the words of batch jobs and invocations (semantics.md, 7).
[[nodiscard]] std::string_view job_word(store::RunStatus status);
// Those that a word stands for; empty: it is no such word.
[[nodiscard]] std::vector<store::RunStatus> statuses_of(std::string_view word);
// Those that jobs can have: all but skipped.
[[nodiscard]] std::vector<store::RunStatus> job_statuses();

// Cancels the run unless it has ended. The status to answer with: 202 when it is with an executor,
// whose daemon ends it within seconds; it is cancelled then, unless it has completed before.
[[nodiscard]] int end_run(const Call& call, store::RunId id);

}  // namespace rruled::api
