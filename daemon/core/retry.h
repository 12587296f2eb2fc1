#pragma once

#include "store/ids.h"
#include "store/run_reason.h"
#include "store/types.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace rruled::core {

// What becomes of a run whose attempt failed in a way that may pass. Pure, thread-safe.
struct RetryDecision {
  std::optional<store::Timestamp> again_at;  // nullopt: the run is dead
  std::optional<store::RunReason> reason{};  // of one that is dead
  bool operator==(const RetryDecision&) const = default;
};

// No attempt before this one was sent.
[[nodiscard]] inline bool is_first_to_leave(const store::Run& run) {
  return run.attempts == 1 || run.reason == store::word(store::RunReason::unreached);
}

// `attempts` have been made, the last one ended at `now`; the first one started at
// `first_started_at`.
//
// Again after a wait in (0, ceiling], the ceiling being min_backoff doubled for each attempt after
// the first, up to max_backoff; where in it, a stable hash of (run, attempts) says ("full jitter":
// receivers that failed many runs at once see them come back spread out). A `retry_after` of the
// receiver takes the place of that wait, held within [1 s, 1 h]. Dead when max_attempts have been
// made, or when the next one would start later than max_age (10 years at most) after the first.
[[nodiscard]] RetryDecision decide_retry(const store::RetryPolicy& policy,
                                         int attempts,
                                         store::Timestamp first_started_at,
                                         store::Timestamp now,
                                         std::optional<std::chrono::seconds> retry_after,
                                         store::RunId run);

// Why a dead run was given up, for people: "its 15 attempts are used up". Empty where its `reason`
// is not one of a RetryDecision.
[[nodiscard]] std::string why_given_up(const store::Run& run);

enum class HttpVerdict : std::uint8_t {
  completed,
  retry,   // may work later
  failed,  // will not work by trying again
};

// The verdict on an HTTP status. 2xx is completed; 408, 409 (a request with the same key is still
// at work), 425, 429, 5xx, 1xx and numbers that are no status may work later; 3xx (never followed)
// and every other 4xx fail for good.
[[nodiscard]] HttpVerdict classify_http(int status);

}  // namespace rruled::core
