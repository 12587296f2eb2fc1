#include "daemon/io/retention.h"

#include "daemon/core/run_identity.h"
#include "daemon/io/run_on.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::minutes kPruneEvery{5};
// About 20 ms on SQLite: what is due must not wait long for it.
constexpr std::size_t kPruneBatch = 100;
constexpr std::chrono::hours kLeap{24};
constexpr std::chrono::hours kTrustAfter{1};
constexpr int kShareInVain = 100;

std::size_t rows_of(const store::Pruned& pruned) {
  return pruned.runs + pruned.gaps + pruned.logs + pruned.audit;
}

}  // namespace

LeapWatch::LeapWatch(Steady start) : steady_(start), waits_until_(start + kTrustAfter) {}

LeapWatch::Verdict LeapWatch::look(store::Timestamp wall, Steady now) {
  const bool leapt = wall_ && wall - *wall_ - (now - steady_) > kLeap;
  if (leapt) waits_until_ = now + kTrustAfter;
  wall_ = wall;
  steady_ = now;
  if (leapt) return Verdict::leapt;
  return now < waits_until_ ? Verdict::waits : Verdict::good;
}

Retention::Retention(asio::any_io_executor io,
                     StoreLane lane,
                     const Clock& clock,
                     Config::Retention limits,
                     std::shared_ptr<spdlog::logger> log)
    : lane_(lane),
      clock_(clock),
      limits_(limits),
      log_(std::move(log)),
      pacer_(std::move(io)),
      leaps_(clock.steady()) {}

asio::awaitable<void> Retention::run() {
  while (!pacer_.stopped()) {
    try {
      co_await round();
    } catch (const std::exception& error) {
      log_->error("old runs and logs could not be removed: {}", error.what());
    }
    co_await pacer_.rest(pause());
  }
}

std::chrono::steady_clock::duration Retention::pause() const {
  return std::max<std::chrono::steady_clock::duration>(kPruneEvery, in_vain_ * kShareInVain);
}

bool Retention::may_remove(store::Timestamp now, LeapWatch::Steady steady) {
  const auto verdict = leaps_.look(now, steady);
  if (verdict == LeapWatch::Verdict::leapt)
    log_->warn(
        "the clock went ahead by more than a day, to {}: nothing old is removed for an hour,"
        " in case it is wrong",
        core::rfc3339(now));
  return verdict == LeapWatch::Verdict::good;
}

asio::awaitable<void> Retention::round() {
  store::Pruned all;
  in_vain_ = {};
  for (bool more = true; more && !pacer_.stopped();) {
    const auto began = clock_.steady();
    const auto now = clock_.now();
    if (!may_remove(now, began)) break;
    auto batch = [this, now, limits = limits_] {
      return lane_.store.prune({.runs_before = now - limits.runs,
                                .logs_before = now - limits.logs,
                                .audit_before = now - limits.audit,
                                .limit = kPruneBatch},
                               now);
    };
    const store::Pruned pruned = co_await run_on(lane_.thread, std::move(batch));
    all.runs += pruned.runs;
    all.gaps += pruned.gaps;
    all.logs += pruned.logs;
    all.audit += pruned.audit;
    more = pruned.more;
    const auto took = clock_.steady() - began;
    if (rows_of(pruned) == 0) in_vain_ += took;
    if (more) co_await pacer_.rest(took);
  }
  if (rows_of(all) == 0) co_return;
  log_->info(
      "removed what was kept long enough: {} runs, {} gaps, {} log lines, {} audit log lines",
      all.runs, all.gaps, all.logs, all.audit);
  // It went through pages that nobody else reads.
  auto give_back = [] { return ::malloc_trim(0); };
  (void)co_await run_on(lane_.thread, std::move(give_back));
}

}  // namespace rruled::io
