#pragma once

#include "daemon/core/breaker.h"
#include "daemon/core/report.h"
#include "store/audience.h"
#include "store/run_desk.h"
#include "store/store.h"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What the planner asks for (Action) and what comes back (Completion). A driver performs each
// action and feeds its completion back; the daemon's driver does so with sockets and threads, the
// simulator with a loop.
namespace rruled::core {

using store::Timestamp;

// ---- Actions ------------------------------------------------------------------------------------

struct LoadDue {
  std::optional<store::DueCursor> after;
  Timestamp before;
  std::size_t limit = 0;
};
struct Settle {
  std::vector<store::Settlement> batch;
  Timestamp planned_at{};  // by the clock of the step
};
struct Claim {
  std::string executor;
  std::size_t limit = 0;
};
struct ReviewHeld {};    // Store::held: after a settle or claim whose outcome is unknown
struct ExtendClaims {};  // Store::extend
struct RecoverClaims {   // Store::recover
  std::size_t limit = 0;
};
struct Deliver {
  store::Run run;
};
struct CancelDelivery {
  store::RunId run_id;
};
struct FinishRuns {
  std::vector<store::Finish> batch;
};
struct HandBackRuns {
  std::vector<store::HandBack> batch;
};
// A batch job that the daemon spreads itself: audience.h.
struct OpenJob {
  store::RunId run_id;
  std::int64_t fence = 0;
};
struct FanOutPage {
  store::RunId run_id;
  std::int64_t fence = 0;
  store::FanOut request;  // but for the claim
  store::MakeChild make_child;
};
struct LookAtJobs {  // Audience::end_jobs
  store::EndJobs request;
};
// Of a run that is not in flight here: it is spread, tracked elsewhere, or another daemon's.
struct CancelJob {
  store::RunId run_id;
};
struct ExpireRuns {  // RunDesk::correct_waits of these executors, if any, and expire_runs
  std::vector<std::string> executors;
  store::ExpireRuns request;
};

// For people and metrics; nothing comes back.
struct Notice {
  enum class Kind {
    run_ended,     // run, status, and report where an attempt ended it
    run_retrying,  // run, report, again_at
    run_tracked,   // run, report: accepted as a batch job of the other side
    run_skipped,   // run: by overlap
    run_fenced,    // run: its claim was lost to another daemon; what we had of it was dropped
    run_unserved,  // run: stays pending, no executor of that name here
    gap,           // gap, text (the flow's name): occurrences that will not run
    job_spread,    // run, text, level: a batch job has all its children
    run_late,      // run, late_by: it starts later than its late_after allows
    run_on_time,   // run: the first of its schedule after such a one
    quarantined,   // schedule_id, text: the row cannot be used
    paused,        // schedule_id, text: by the daemon, after failures in a row
    resumed,       // schedule_id, text: its paused_until has come
    breaker,       // text (the executor), breaker, again_at: when the next probe may go
    shortage,      // text: nothing can be sent from this machine; said once a minute
    store_failed   // text: will be tried again
  };
  Kind kind;
  std::optional<store::Run> run{};
  std::optional<Report> report{};
  std::optional<store::RunStatus> status{};
  std::optional<Timestamp> again_at{};
  std::optional<store::Gap> gap{};
  std::optional<store::ScheduleId> schedule_id{};
  std::string text{};
  store::LogLevel level = store::LogLevel::info;
  std::chrono::milliseconds late_by{0};
  std::optional<Breaker::State> breaker{};
};

using Action = std::variant<LoadDue,
                            Settle,
                            Claim,
                            ReviewHeld,
                            ExtendClaims,
                            RecoverClaims,
                            Deliver,
                            CancelDelivery,
                            FinishRuns,
                            HandBackRuns,
                            OpenJob,
                            FanOutPage,
                            LookAtJobs,
                            CancelJob,
                            ExpireRuns,
                            Notice>;

// ---- Completions --------------------------------------------------------------------------------

struct Loaded {
  std::vector<store::DueSchedule> schedules;
};
struct Settled {
  std::vector<store::SettleResult> results;  // as many as the batch had
};
struct Claimed {
  store::ClaimResult result;
};
struct Held {
  std::vector<store::Run> runs;  // where claims lapse, those that were just extended
  // Held as well, but not for longer than before: nothing new is sent by these claims.
  std::vector<store::HeldClaim> not_extended{};
};
struct Extended {
  std::vector<store::HeldClaim> claims;
};
struct Recovered {
  std::size_t count = 0;
};
struct Delivered {
  store::RunId run_id;
  Report report;
};
struct Finished {
  std::vector<store::FinishResult> results;  // as many as the batch had
};
struct HandedBack {};
struct JobOpened {
  std::optional<store::Job> job;
};
struct FannedOut {
  store::FannedOut result;
};
struct JobsEnded {
  store::EndedJobs result;
};
struct JobCancelled {};
struct Expired {
  std::vector<store::Run> runs;  // their time was over
  bool corrected = false;        // some may be claimed sooner than was thought
};
struct Changed {
  store::Changes changes;
};
// The store could not do the last action of that kind; whether it was committed is unknown.
struct StoreFailed {
  enum class What {
    load,
    settle,
    claim,
    review,
    extend,
    recover,
    finish,
    hand_back,
    spread,  // OpenJob, FanOutPage
    end_jobs,
    cancel_job,
    expire
  };
  What what;
  std::string error;
  // The store refused what a row says (StoreError::Kind::invalid): nothing was written, and trying
  // the same again will not help.
  bool refused = false;
};

using Completion = std::variant<Loaded,
                                Settled,
                                Claimed,
                                Held,
                                Extended,
                                Recovered,
                                Delivered,
                                Finished,
                                HandedBack,
                                JobOpened,
                                FannedOut,
                                JobsEnded,
                                JobCancelled,
                                Expired,
                                Changed,
                                StoreFailed>;

// Of each action that asks the store, what StoreFailed calls it.
constexpr StoreFailed::What what_of(const LoadDue&) { return StoreFailed::What::load; }
constexpr StoreFailed::What what_of(const Settle&) { return StoreFailed::What::settle; }
constexpr StoreFailed::What what_of(const Claim&) { return StoreFailed::What::claim; }
constexpr StoreFailed::What what_of(const ReviewHeld&) { return StoreFailed::What::review; }
constexpr StoreFailed::What what_of(const ExtendClaims&) { return StoreFailed::What::extend; }
constexpr StoreFailed::What what_of(const RecoverClaims&) { return StoreFailed::What::recover; }
constexpr StoreFailed::What what_of(const FinishRuns&) { return StoreFailed::What::finish; }
constexpr StoreFailed::What what_of(const HandBackRuns&) { return StoreFailed::What::hand_back; }
constexpr StoreFailed::What what_of(const OpenJob&) { return StoreFailed::What::spread; }
constexpr StoreFailed::What what_of(const FanOutPage&) { return StoreFailed::What::spread; }
constexpr StoreFailed::What what_of(const LookAtJobs&) { return StoreFailed::What::end_jobs; }
constexpr StoreFailed::What what_of(const CancelJob&) { return StoreFailed::What::cancel_job; }
constexpr StoreFailed::What what_of(const ExpireRuns&) { return StoreFailed::What::expire; }

}  // namespace rruled::core

// What the store was asked, for logs and labels.
template <>
inline constexpr std::array<std::string_view, 12>
    rruled::store::kWords<rruled::core::StoreFailed::What>{
        "load",   "settle",    "claim",  "review",   "extend",     "recover",
        "finish", "hand_back", "spread", "end_jobs", "cancel_job", "expire"};
