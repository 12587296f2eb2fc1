#pragma once

#include "store/store.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What becomes of runs outside their attempts: beside the daemon's own contract (store.h).
//
// A run that another hog_flows API has accepted is `running`, with the id it has there; nobody
// holds a claim on it. Any daemon that has its executor asks about it: take_tracked() gives it to
// one of them and moves the time of the next question forward in the same transaction, so daemons
// share the work and one that dies loses nothing. end_tracked() ends it.
namespace rruled::store {

struct TakeTracked {
  std::string executor;
  // The next question comes after as long as it has been tracked already, within these: a doubling.
  milliseconds wait_min{2'000};
  milliseconds wait_max{60'000};
  std::size_t limit = 100;
};
struct TrackedRun {
  Run run;          // available_at: when it is asked about next
  Timestamp since;  // when the attempt that was accepted was claimed
};
struct EndTracked {
  RunId run_id;
  std::int64_t fence = 0;
  RunStatus status = RunStatus::completed;  // completed, failed, cancelled
  std::string reason;
  std::string error;
  std::vector<LogEntry> logs;
};
struct EndedTracked {
  bool written = false;   // false: it ended before, otherwise, or was tried again since
  bool released = false;  // a waiting run of the same schedule became pending
  std::optional<Run> run{};
};
// What one daemon looks after, by name of executor.
struct LookedAfter {
  std::vector<std::string> executors{};  // that it sends runs to
  std::vector<std::string> tracked{};    // whose accepted runs it asks about
  // That it does so, and could ask the store, but for moments, all the time.
  Timestamp since{};
  bool alone = false;  // no other daemon has the store
};
struct ExpireRuns {
  std::vector<std::string> away{};  // executors that are not sent anything at the moment
  std::size_t limit = 100;
  // The asking daemon's: what is not in it, and was looked after by nobody, ends. Where there are
  // others, each says with it that it is there. Absent: nothing ends for that.
  std::optional<LookedAfter> own{};
};
// What no daemon has looked after for so long ends; what was wished cancelled sooner, where there
// is no other daemon.
inline constexpr milliseconds kForgottenAfter = std::chrono::hours(1);
inline constexpr milliseconds kWishForgottenAfter = std::chrono::minutes(1);
// The longest that a receiver can have a retry wait (Retry-After).
inline constexpr milliseconds kWaitMax = std::chrono::hours(1);
// No claim of a daemon that is alive lasts longer from now, nor than its claim_ttl.
inline constexpr milliseconds kClaimAheadMax = std::chrono::hours(1);
struct RemovedHistory {
  std::size_t rows = 0;  // runs, log lines and gaps
  bool more = false;     // ask again, even if nothing was removed

  friend bool operator==(const RemovedHistory&, const RemovedHistory&) = default;
};

// The line of the audit log about runs that were removed.
using PurgeLine = std::function<AuditEntry(const std::vector<RunId>& gone)>;

// Used from one thread at a time. Faults are StoreErrors; each method is one transaction, but for
// expire_runs(), which is one for each run.
class RunDesk {
 public:
  virtual ~RunDesk() = default;
  RunDesk() = default;
  RunDesk(const RunDesk&) = delete;
  RunDesk& operator=(const RunDesk&) = delete;

  // Tracked runs whose time has come, in order of available_at.
  [[nodiscard]] virtual std::vector<TrackedRun> take_tracked(const TakeTracked& request,
                                                             Timestamp now) = 0;
  // Idempotent: the same again answers the same. The daemons see it when a run was released.
  [[nodiscard]] virtual EndedTracked end_tracked(const EndTracked& end, Timestamp now) = 0;

  // Keeps the wish with a run that is being delivered, or tracked (which is looked at at once): see
  // Run::cancel_reason. False: it is neither. A second wish leaves the first one's reason.
  virtual bool ask_to_cancel(RunId id, const std::string& reason, Timestamp now) = 0;

  // Ends runs whose time is over, and gives them. Pending ones that were never tried, of any
  // executor, past their start_before: `cancelled`. Retrying ones whose first attempt is longer ago
  // than their retry policy allows: `dead`; of executors that are away, or for kForgottenAfter
  // nobody's: elsewhere the next attempt decides. Tracked ones that for kForgottenAfter nobody
  // asked about, as no executor tracks any more: `failed`, or `cancelled` where that was wished
  // (after kWishForgottenAfter when the daemon is alone).
  [[nodiscard]] virtual std::vector<Run> expire_runs(const ExpireRuns& request, Timestamp now) = 0;

  // After the clock was set back by which what is due is judged: pending, retrying and tracked runs
  // of the executors that wait for a later time than the clock of now can have given them have an
  // earlier one. True: there were some. Nothing without executors. Where several daemons have the
  // store, claims that lapse later than kClaimAheadMax do after claim_ttl, too.
  virtual bool correct_waits(const std::vector<std::string>& executors, Timestamp now) = 0;

  // Removes those of the runs that are `dead`, with their attempts and logs; gives how many.
  // Children of a batch job that has not ended stay: it counts them. When one was removed, `line`
  // of those that were is written; it may be asked again, after another transaction was in the way.
  [[nodiscard]] virtual std::size_t purge_dead(const std::vector<RunId>& ids,
                                               const PurgeLine& line,
                                               Timestamp now) = 0;

  // Removes the history of a flow that is to be deleted a batch at a time, so that its deletion
  // finds little left: runs that have ended, with their attempts and logs; then log lines of no
  // run; then gaps. One call takes at most `limit` of them, and four times as many lines of runs: a
  // run goes with the last of its lines. Live runs stay, and children of a batch job that has not
  // ended: it counts them. Each call goes on behind the rows that the one before looked at, until
  // everything was looked at and nothing more could be removed; another flow, and a call after
  // that, begin anew. Nothing tells the daemons.
  [[nodiscard]] virtual RemovedHistory remove_history(FlowId flow, std::size_t limit) = 0;
};

// ---- What the stores decide alike ----

// Throws StoreError invalid.
void validate(const EndTracked& end);
// When to ask about a run again that has been tracked since `since`.
[[nodiscard]] Timestamp next_question(const TakeTracked& request, Timestamp since, Timestamp now);
[[nodiscard]] bool is_tracked(const Run& run);
// Ends a run whose time is over, as expire_runs() does. False: it is not over.
[[nodiscard]] bool expire(Run& run, const ExpireRuns& request, Timestamp now);
// What nobody looks after ends that was due by then: nothing when absent.
[[nodiscard]] std::optional<Timestamp> forgotten_by(const ExpireRuns& request,
                                                    bool wished,
                                                    Timestamp now);
// Whether a retrying run ends whose time for retries was over at `over`.
[[nodiscard]] bool ends_retries(const ExpireRuns& request,
                                const std::string& executor,
                                Timestamp over,
                                Timestamp now);
// Whether a tracked run ends that is to be asked about at `ask_at`.
[[nodiscard]] bool ends_tracking(const ExpireRuns& request,
                                 const std::string& executor,
                                 Timestamp ask_at,
                                 bool wished,
                                 Timestamp now);
// The latest time that a pending, retrying or tracked run can have been told to wait for.
[[nodiscard]] Timestamp latest_wait(const Run& run, Timestamp now);
// What the log of a run says that expire_runs() ended.
[[nodiscard]] LogEntry expired_line(const Run& run, Timestamp now);

}  // namespace rruled::store
