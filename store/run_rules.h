#pragma once

#include "store/retry_result.h"
#include "store/store.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string>

// What every store decides about runs inside its transactions; semantics.md sections 4 and 7.
namespace rruled::store {

[[nodiscard]] bool is_final(RunStatus status);

// SQL, of a run `r`: it is a child of a batch job that has not ended, and counts it. With parent_id
// first, so that the others are not looked up.
inline constexpr char kIsCounted[] =
    "(r.parent_id IS NOT NULL AND EXISTS"
    " (SELECT 1 FROM jobs j WHERE j.run_id = r.parent_id AND j.state <> 'ended'))";
// SQL, of a run `r`: it is a batch job whose children may not all have ended, however it did
// itself.
inline constexpr char kIsOpenJob[] =
    "(r.kind = 'batch_job' AND EXISTS"
    " (SELECT 1 FROM jobs j WHERE j.run_id = r.id AND j.state <> 'ended'))";
// Live, and with no executor.
inline constexpr std::array kUnsentStatuses{RunStatus::waiting, RunStatus::pending,
                                            RunStatus::retrying};
// Waits to be claimed.
[[nodiscard]] bool is_claimable(RunStatus status);
// Counts against max_running: everything live but `waiting`.
[[nodiscard]] bool holds_slot(RunStatus status);
// Whether the claim's holder may end it so. From `retrying` a late success wins.
[[nodiscard]] bool may_finish(RunStatus from, RunStatus to);
// What a Finish is judged by: its run, as it is.
struct HeldRun {
  RunStatus status = RunStatus::pending;
  std::optional<OwnerId> owner{};
  std::int64_t fence = 0;
  bool released = false;  // its end let a waiting run go
  std::string cancel_reason{};
};
// What is to be written of the run, besides the attempt.
struct RunEnd {
  RunStatus status = RunStatus::completed;
  std::string reason;
  std::optional<Timestamp> available_at;
  std::optional<Timestamp> finished_at;
};
struct JudgedEnd {
  FinishResult result;  // `released` is the store's to say where something is written
  // Absent: nothing, as the claim was lost, no such end is left, or it is written already.
  std::optional<RunEnd> write{};
};
// A wish to cancel the run gives a retry up, and says why what ends cancelled did. Who has no claim
// of it, and ends that may not be, write nothing; the same again answers the same.
[[nodiscard]] JudgedEnd judge_end(const HeldRun& held,
                                  const Finish& finish,
                                  const Claimant& claimant,
                                  Timestamp now);
// Why a run that is like this cannot be tried again, as far as its status says.
[[nodiscard]] std::optional<RetryResult> retry_refusal(RunStatus status);
// Makes a failed or dead run pending again, with as many more attempts and as much more time as
// `fresh` gives. Key, body, attempts and the time of the first one stay.
void replay(Run& run, const RetryPolicy& fresh, Timestamp now);

// Live runs of one schedule.
struct LiveRuns {
  std::size_t holding = 0;  // holds_slot()
  std::size_t waiting = 0;
};

enum class OverlapDecision {
  go,           // as asked
  wait,         // for the end of one before
  skip,         // for good
  buffer_full,  // skip, because too many wait
  cancel        // the live ones: go when all could be cancelled at once, wait otherwise
};
inline constexpr std::size_t kBufferMax = 100;

[[nodiscard]] OverlapDecision decide_overlap(OverlapPolicy policy,
                                             const LiveRuns& live,
                                             int max_running);
// Gives the run the status that the decision means. `cancel` is left to the store, which alone
// knows what it could cancel.
void apply(OverlapDecision decision, Run& run, Timestamp now);

}  // namespace rruled::store
