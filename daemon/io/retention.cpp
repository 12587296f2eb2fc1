#include "daemon/io/retention.h"

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
constexpr int kShareInVain = 100;

std::size_t rows_of(const store::Pruned& pruned) {
  return pruned.runs + pruned.gaps + pruned.logs + pruned.audit;
}

}  // namespace

Retention::Retention(asio::any_io_executor io,
                     store::Store& store,
                     asio::thread_pool& store_thread,
                     const Clock& clock,
                     Config::Retention limits,
                     std::shared_ptr<spdlog::logger> log)
    : store_(store),
      store_thread_(store_thread),
      clock_(clock),
      limits_(limits),
      log_(std::move(log)),
      pacer_(std::move(io)) {}

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

asio::awaitable<void> Retention::round() {
  store::Pruned all;
  in_vain_ = {};
  for (bool more = true; more && !pacer_.stopped();) {
    const auto began = clock_.steady();
    const auto now = clock_.now();
    auto batch = [this, now, limits = limits_] {
      return store_.prune({.runs_before = now - limits.runs,
                           .logs_before = now - limits.logs,
                           .audit_before = now - limits.audit,
                           .limit = kPruneBatch},
                          now);
    };
    const store::Pruned pruned = co_await run_on(store_thread_, std::move(batch));
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
  (void)co_await run_on(store_thread_, std::move(give_back));
}

}  // namespace rruled::io
