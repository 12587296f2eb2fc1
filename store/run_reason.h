#pragma once

#include "store/words.h"

#include <array>
#include <string_view>

namespace rruled::store {

// Why a run did not complete, or was not sent so far: the words of ours in Run::reason,
// Run::cancel_reason and Job::reason, which hold any text.
enum class RunReason {
  // skipped; `overlap` also cancelled: for the run after it
  overlap,
  buffer_full,  // too many waited
  calendar,     // excluded its day
  // cancelled
  catchup_window,  // never tried before its start_before
  schedule_deleted,
  cancelled_by_operator,  // by a person
  cancelled_remotely,     // on the other side, where it was a batch job
  job_ended,              // a child that was not sent when its batch job ended
  // dead
  attempts_used_up,
  retry_time_over,  // retry.max_age
  // retrying: no attempt has sent anything, as nobody could be reached. Its lateness is that of the
  // attempt whose first byte leaves; its started_at, from which the time for retries counts, is
  // when the first attempt ended.
  unreached,
  // failed
  remote_failed,   // on the other side, as a batch job
  tracking_ended,  // had not ended there in time, or nobody asks about it any more
  children_failed,
  flow_inactive  // before its batch job had all its children
};
template <>
inline constexpr std::array<std::string_view, 15> kWords<RunReason>{
    "overlap",          "buffer_full",           "calendar",           "catchup_window",
    "schedule_deleted", "cancelled_by_operator", "cancelled_remotely", "job_ended",
    "attempts_used_up", "retry_time_over",       "unreached",          "remote_failed",
    "tracking_ended",   "children_failed",       "flow_inactive"};

}  // namespace rruled::store
