#pragma once

#include "daemon/api/call.h"
#include "store/audience.h"
#include "store/types.h"

#include <boost/json/value.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace rruled::api {

// The batch job that the run is, or that made it; absent: none is.
[[nodiscard]] std::optional<store::RunId> job_of(const store::Run& run);

// Of batch jobs that the daemon spreads itself, and has begun to; absent: it does not.
using Progress = std::map<store::RunId, std::optional<store::JobProgress>>;
// Makes `known` that of the jobs of `runs`, which are all jobs, or all what jobs made: of the jobs
// of those the trigger alone. What it has of them already is not read again.
void read_progress(const Call& call, const std::vector<store::Run>& runs, Progress& known);

// The time that a question about all persons may take: beyond kBriefQuestion it needs the turn of
// long work, beyond kQuestionTime it ends. Of one request, on its thread.
inline constexpr std::chrono::milliseconds kBriefQuestion{500};
inline constexpr std::chrono::seconds kQuestionTime{10};
class Question {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  // `work` must outlive it.
  Question(LongWork& work, Now now) : work_(work), now_(std::move(now)), begun_(now_()) {}
  // Asked again and again; false: it is to end.
  [[nodiscard]] bool goes_on();
  // What one that was ended is answered.
  [[nodiscard]] Response refusal() const;

 private:
  enum class End { none, stopping, busy, too_long };

  LongWork& work_;
  const Now now_;
  const std::chrono::steady_clock::time_point begun_;
  std::unique_lock<std::mutex> turn_{work_.turn, std::defer_lock};
  End end_ = End::none;
};

// {total, enqueued, done, failed, truncated}
[[nodiscard]] boost::json::value progress_json(const store::JobProgress& progress);

}  // namespace rruled::api
