// Several daemons at once on the same rows, each with a connection of its own.
#include "postgres_fixture.h"
#include "sample.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace rruled::test {
namespace {

constexpr int kRacers = 8;
constexpr int kSchedules = 20;
constexpr int kOccurrences = 60;  // of each schedule
constexpr Timestamp kNow = at(100'000);

constexpr OverlapPolicy kPolicies[] = {OverlapPolicy::allow, OverlapPolicy::skip,
                                       OverlapPolicy::buffer_one, OverlapPolicy::buffer_all,
                                       OverlapPolicy::cancel_other};

struct Tally {
  std::atomic<int> settled = 0;
  std::atomic<int> moved = 0;
  std::atomic<int> busy = 0;
  std::atomic<int> duplicates = 0;
  std::atomic<int> ended = 0;
  std::atomic<int> wished = 0;
  std::atomic<int> tracked = 0;
  std::mutex mutex;
  std::map<RunId, int> asked;  // how often each run that goes on elsewhere was given to somebody
  std::vector<std::string> failures;
};

// Settles whatever is due, a second further each time, and ends what it claimed. Some go on
// elsewhere before they end, and some are wished to be cancelled.
class Racer {
 public:
  Racer(Store& store, int number, Tally& tally)
      : store_(store),
        desk_(store.run_desk()),
        tally_(tally),
        random_(static_cast<unsigned>(number)) {
    claimant_ = store_.begin_session(id_of<OwnerId>(number), kNow).claimant;
  }

  void run() {
    while (true) {
      auto due = store_.load_due({}, nominal(kOccurrences), kSchedules);
      const auto claimed = settle(due);
      const auto more = store_.claim({claimant_, {"default"}, 5}, kNow).runs;
      finish(claimed);
      finish(more);
      const bool tracked = track();
      if (due.empty() && claimed.empty() && more.empty() && !tracked) return;
    }
  }

 private:
  std::vector<Run> settle(std::vector<DueSchedule>& due) {
    std::shuffle(due.begin(), due.end(), random_);
    due.resize(std::min<std::size_t>(due.size(), 1 + random_() % 8));
    std::vector<Settlement> batch;
    for (const auto& row : due) {
      const Schedule& schedule = row.schedule;
      const auto next = *schedule.next_run_at;
      batch.push_back(a_settlement(schedule, {a_run(schedule, next)}, next + 1s));
      batch.back().overlap = schedule.overlap;
    }
    std::vector<Run> claimed;
    for (auto& result : store_.settle(std::move(batch), claimant_, kNow)) {
      tally_.settled += result.kind == SettleResult::Kind::settled;
      tally_.moved += result.kind == SettleResult::Kind::moved;
      tally_.busy += result.kind == SettleResult::Kind::not_yet;
      tally_.duplicates += static_cast<int>(result.duplicates);
      for (auto& run : result.claimed) claimed.push_back(std::move(run));
    }
    return claimed;
  }
  void finish(const std::vector<Run>& runs) {
    std::vector<Finish> batch;
    for (const auto& run : runs) {
      if (random_() % 8 == 0) tally_.wished += desk_->ask_to_cancel(run.id, "wished", kNow);
      constexpr RunStatus kEnds[] = {RunStatus::retrying, RunStatus::running, RunStatus::completed,
                                     RunStatus::completed, RunStatus::completed};
      batch.push_back(a_finish(run, kEnds[random_() % std::size(kEnds)], kNow));
      if (batch.back().status == RunStatus::running) batch.back().remote_id = "job";
    }
    std::shuffle(batch.begin(), batch.end(), random_);
    for (const auto& result : store_.finish(batch, claimant_, kNow)) tally_.ended += result.written;
  }

  // Asks about what goes on elsewhere, and ends it. False: there was nothing.
  bool track() {
    const auto taken = desk_->take_tracked({.executor = "default", .limit = 3}, kNow);
    for (const auto& [run, since] : taken) {
      {
        const std::lock_guard lock(tally_.mutex);
        ++tally_.asked[run.id];
      }
      const auto status = run.cancel_reason.empty() ? RunStatus::completed : RunStatus::cancelled;
      tally_.tracked += desk_->end_tracked({run.id, run.fence, status, {}, {}, {}}, kNow).written;
    }
    return !taken.empty();
  }

  Store& store_;
  const std::unique_ptr<RunDesk> desk_;
  Tally& tally_;
  std::minstd_rand random_;
  Claimant claimant_;
};

void race(const PostgresSchema& schema, Tally& tally) {
  std::vector<std::thread> threads;
  for (int n = 1; n <= kRacers; ++n)
    threads.emplace_back([&, n] {
      try {
        const auto store = schema.open();
        Racer(*store, n, tally).run();
      } catch (const std::exception& error) {
        const std::lock_guard lock(tally.mutex);
        tally.failures.emplace_back(error.what());
      }
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace

TEST_CASE("eight daemons settle each occurrence once", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto deadlocks =
      schema.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'");
  const auto store = schema.open();
  ChangeSet changes = put(a_flow());
  for (int n = 1; n <= kSchedules; ++n) {
    auto schedule = a_schedule(n);
    schedule.overlap = kPolicies[static_cast<std::size_t>(n) % std::size(kPolicies)];
    changes.schedules.push_back({schedule, {}});
  }
  REQUIRE_FALSE(store->write(changes, at(0)));

  Tally tally;
  race(schema, tally);
  CHECK(tally.failures == std::vector<std::string>{});
  CHECK(tally.settled == kSchedules * kOccurrences);
  CHECK(tally.duplicates == 0);
  // They did race.
  CHECK(tally.moved + tally.busy > 100);
  CHECK(tally.ended > kSchedules * kOccurrences / 2);
  CHECK(tally.wished > 10);
  CHECK(tally.tracked > 50);
  // Nobody asks about what another one asks about.
  CHECK(tally.asked.size() == static_cast<std::size_t>(tally.tracked));
  CHECK(std::ranges::all_of(tally.asked, [](const auto& each) { return each.second == 1; }));
  for (int n = 1; n <= kSchedules; ++n) {
    CHECK(store->schedule(schedule_id(n))->next_run_at == nominal(kOccurrences));
    std::map<Instant, int> occurrences;
    for (const auto& run : store->runs({.schedule_id = schedule_id(n), .limit = 1'000}))
      ++occurrences[*run.scheduled_for];
    REQUIRE(occurrences.size() == kOccurrences);
    CHECK(occurrences.begin()->first == nominal(0));
    CHECK(occurrences.rbegin()->first == nominal(kOccurrences - 1));
  }
  // Whoever waited was let go; cancel_other leaves none, as each run ends.
  CHECK(schema.sql("SELECT count(*) FROM runs WHERE status IN ('waiting', 'pending',"
                   " 'dispatching', 'retrying', 'running')") == "0");
  CHECK(schema.strays() == "");
  CHECK(schema.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'") ==
        deadlocks);
}

TEST_CASE("a schedule that is locked holds up no other", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  ChangeSet changes = put(a_flow());
  for (int n = 1; n <= 3; ++n) changes.schedules.push_back({a_schedule(n), {}});
  REQUIRE_FALSE(store->write(changes, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  std::vector<Settlement> batch;
  for (int n = 1; n <= 3; ++n)
    batch.push_back(a_settlement(a_schedule(n), {a_run(a_schedule(n), kStart)}, nominal(9)));

  schema.sql("BEGIN; SELECT 1 FROM schedules WHERE id = '" + to_string(schedule_id(2)) +
             "' FOR UPDATE");
  const auto results = store->settle(batch, claimant, at(1));
  CHECK(results.at(0).kind == SettleResult::Kind::settled);
  CHECK(results.at(1).kind == SettleResult::Kind::not_yet);
  CHECK(results.at(1).remaining == 250ms);
  CHECK(results.at(2).kind == SettleResult::Kind::settled);
  schema.sql("COMMIT");
  CHECK(store->settle({batch[1]}, claimant, at(1)).at(0).kind == SettleResult::Kind::settled);
  // So do runs that another daemon is about to claim, or to take back.
  REQUIRE_FALSE(store->write({.runs = {a_manual_run(1), a_manual_run(2)}}, at(1)));
  schema.sql("BEGIN; SELECT 1 FROM runs WHERE id = '" + to_string(run_id(1)) + "' FOR UPDATE");
  auto claimed = store->claim({claimant, {"default"}}, at(2));
  REQUIRE(claimed.runs.size() == 1);
  CHECK(claimed.runs[0].id == run_id(2));
  CHECK(claimed.next_available == at(2) + 250ms);
  schema.sql("SELECT 1 FROM runs WHERE id = '" + to_string(run_id(2)) + "' FOR UPDATE");
  CHECK(store->recover(10, at(3'600)) == 3);
  schema.sql("COMMIT");
  CHECK(store->recover(10, at(3'600)) == 1);
}

TEST_CASE("a run that somebody has locked took all claims of its daemon with it", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  auto changes = put(a_flow());
  changes.runs = {a_manual_run(1), a_manual_run(2)};
  REQUIRE_FALSE(store->write(changes, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto runs = store->claim({claimant, {"default"}}, at(1)).runs;
  REQUIRE(runs.size() == 2);
  schema.sql("BEGIN; SELECT 1 FROM runs WHERE id = '" + to_string(run_id(1)) + "' FOR UPDATE");
  CHECK(store->extend(claimant, at(50)) ==
        std::vector<HeldClaim>{{run_id(1), 1, false}, {run_id(2), 1, true}});
  schema.sql("COMMIT");
  CHECK(store->recover(10, at(109)) == 1);
  CHECK(store->run(run_id(2))->status == RunStatus::dispatching);
  CHECK(store->extend(claimant, at(109)) == std::vector<HeldClaim>{{run_id(2), 1, true}});
}

TEST_CASE("an end that was wished for waits with no other run locked", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  auto changes = put(a_flow());
  changes.runs = {a_manual_run(1), a_manual_run(2)};
  REQUIRE_FALSE(store->write(changes, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto runs = store->claim({claimant, {"default"}}, at(1)).runs;
  REQUIRE(runs.size() == 2);
  REQUIRE(store->run_desk()->ask_to_cancel(run_id(1), "wished", at(2)));
  const auto lock = [&](int n) {
    return "SELECT 1 FROM runs WHERE id = '" + to_string(run_id(n)) + "' FOR UPDATE";
  };

  // The end of the second is written first, by one statement with all plain ones; another
  // transaction locks in order of id.
  schema.sql("BEGIN; SET LOCAL deadlock_timeout = 1; " + lock(1));
  auto finished = std::async(std::launch::async, [&] {
    return store->finish({a_finish(runs[0], RunStatus::retrying, at(3)),
                          a_finish(runs[1], RunStatus::completed, at(3))},
                         claimant, at(3));
  });
  while (schema.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0")
    REQUIRE(finished.wait_for(0s) == std::future_status::timeout);
  CHECK_NOTHROW(schema.sql(lock(2)));
  schema.sql("COMMIT");
  const auto results = finished.get();
  CHECK(results[0].cancelled);
  CHECK(results[1].written);
  CHECK(schema.sql("SELECT status FROM runs ORDER BY id") == "cancelled completed");
}

}  // namespace rruled::test
