#include "daemon/core/retry.h"

#include "daemon/core/duration.h"
#include "daemon/core/stable_hash.h"

#include <algorithm>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using store::RunReason;

constexpr seconds kRetryAfterMin{1};
constexpr seconds kRetryAfterMax{3'600};
constexpr milliseconds kMaxAgeMax = std::chrono::days(3'650);  // keeps every sum within a Timestamp

milliseconds ceiling_after(const store::RetryPolicy& policy, int attempts) {
  const milliseconds most = std::max(policy.max_backoff, milliseconds(1));
  milliseconds ceiling = std::clamp(policy.min_backoff, milliseconds(1), most);
  for (int attempt = 1; attempt < attempts && ceiling < most; ++attempt) {
    ceiling = ceiling > most / 2 ? most : ceiling * 2;  // by halves: doubling might overflow
  }
  return ceiling;
}

milliseconds backoff(const store::RetryPolicy& policy, int attempts, store::RunId run) {
  const auto ceiling = static_cast<std::uint64_t>(ceiling_after(policy, attempts).count());
  const std::uint64_t hash = stable_hash(run.value, attempts);
  return milliseconds(static_cast<std::int64_t>(1 + hash % ceiling));
}

}  // namespace

RetryDecision decide_retry(const store::RetryPolicy& policy,
                           int attempts,
                           store::Timestamp first_started_at,
                           store::Timestamp now,
                           std::optional<seconds> retry_after,
                           store::RunId run) {
  if (attempts >= policy.max_attempts) return {std::nullopt, RunReason::attempts_used_up};
  const milliseconds wait = retry_after ? std::clamp(*retry_after, kRetryAfterMin, kRetryAfterMax)
                                        : backoff(policy, attempts, run);
  const milliseconds age = now - first_started_at;
  if (wait > std::min(policy.max_age, kMaxAgeMax) - age)
    return {std::nullopt, RunReason::retry_time_over};
  return {now + wait};
}

std::string why_given_up(const store::Run& run) {
  if (run.reason == store::word(RunReason::attempts_used_up))
    return run.retry.max_attempts <= 1
               ? "its one attempt is used up"
               : "its " + std::to_string(run.retry.max_attempts) + " attempts are used up";
  if (run.reason == store::word(RunReason::retry_time_over))
    return "its time for retries (" + duration_text(run.retry.max_age) +
           ") ends before the next attempt";
  return {};
}

HttpVerdict classify_http(int status) {
  if (status >= 200 && status < 300) return HttpVerdict::completed;
  if (status < 300 || status >= 500) return HttpVerdict::retry;
  switch (status) {
    case 408:
    case 409:
    case 425:
    case 429:
      return HttpVerdict::retry;
    default:
      return HttpVerdict::failed;
  }
}

}  // namespace rruled::core
