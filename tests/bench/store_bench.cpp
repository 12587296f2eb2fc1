// What a fired run costs in the store: settle (inserts, claims and moves the schedule on), then
// finish, in batches.
//
//   TMPDIR=/on/the/disk store_bench [runs] [batch] [store]
#include "store/memory_store.h"
#include "store/postgres_store.h"
#include "store/sqlite_store.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

using namespace rruled::store;
using Clock = std::chrono::steady_clock;

constexpr int kSchedules = 1'000;
constexpr Instant kStart{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of this thread: what the database's own process uses is not in it.
double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::vector<Schedule> make_schedules(Store& store) {
  ChangeSet changes;
  Flow flow;
  flow.id.value = random_uuid_v7(kStart);
  flow.name = "bench";
  flow.status = FlowStatus::active;
  flow.trigger_type = "schedule";
  changes.flows.push_back({flow, {}});
  for (int n = 0; n < kSchedules; ++n) {
    Schedule schedule;
    schedule.id.value = random_uuid_v7(kStart);
    schedule.flow_id = flow.id;
    schedule.rrule = "RRULE:FREQ=MINUTELY";
    schedule.starts_at = kStart;
    schedule.next_run_at = kStart;
    schedule.next_due_at = kStart;
    changes.schedules.push_back({schedule, {}});
  }
  if (store.write(changes, kStart)) std::abort();
  std::vector<Schedule> schedules;
  for (auto& put : changes.schedules) schedules.push_back(put.schedule);
  return schedules;
}

Settlement settlement_of(Schedule& schedule) {
  const auto next = *schedule.next_run_at;
  Run run;
  run.id.value = uuid_v5(schedule.id.value, std::to_string(next.time_since_epoch().count()));
  run.flow_id = schedule.flow_id;
  run.schedule_id = schedule.id;
  run.status = RunStatus::dispatching;
  run.scheduled_for = next;
  run.due_at = run.created_at = next;
  run.flow_name = "bench";
  run.body = std::string(400, 'x');
  Settlement settlement;
  settlement.schedule_id = schedule.id;
  settlement.next_run_at = next;
  settlement.next_due_at = next;
  settlement.runs.push_back(std::move(run));
  settlement.settled_to = next;
  settlement.then_run_at = next + std::chrono::minutes(1);
  settlement.then_due_at = settlement.then_run_at;
  schedule.next_run_at = settlement.then_run_at;
  return settlement;
}

Finish finish_of(const Run& run) {
  Finish finish;
  finish.run_id = run.id;
  finish.fence = run.fence;
  finish.attempt.run_id = run.id;
  finish.attempt.number = run.attempts;
  finish.attempt.started_at = run.due_at;
  finish.attempt.finished_at = run.due_at;
  finish.attempt.outcome = "completed";
  finish.attempt.status_code = 200;
  return finish;
}

void measure(const char* name, Store& store, int runs, int batch) {
  auto schedules = make_schedules(store);
  const auto claimant = store.begin_session({random_uuid_v7(kStart)}, kStart).claimant;
  const Timestamp now = kStart + std::chrono::years(1);
  double settling = 0;
  double finishing = 0;
  double cpu = 0;
  int done = 0;
  for (std::size_t at = 0; done < runs;) {
    std::vector<Settlement> settlements;
    for (int n = 0; n < batch; ++n)
      settlements.push_back(settlement_of(schedules[at++ % schedules.size()]));
    auto start = Clock::now();
    cpu -= cpu_seconds();
    const auto results = store.settle(std::move(settlements), claimant, now);
    settling += seconds_since(start);
    std::vector<Finish> finishes;
    for (const auto& result : results)
      for (const auto& run : result.claimed) finishes.push_back(finish_of(run));
    start = Clock::now();
    for (const auto& result : store.finish(finishes, claimant, now)) done += result.written;
    finishing += seconds_since(start);
    cpu += cpu_seconds();
  }
  std::printf(
      "%-8s batch %4d: %7d runs, %8.0f runs/s (settle %8.0f/s, finish %8.0f/s), %5.1f us CPU\n",
      name, batch, done, done / (settling + finishing), done / settling, done / finishing,
      cpu / done * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const int batch = argc > 2 ? std::atoi(argv[2]) : 100;
  if (runs < 1 || batch < 1 || batch > kSchedules) return 2;
  const std::string only = argc > 3 ? argv[3] : "";
  const auto wanted = [&](const char* name) { return only.empty() || only == name; };
  if (wanted("memory")) {
    MemoryStore memory;
    measure("memory", memory, runs, batch);
  }
  if (wanted("sqlite")) {
    const rruled::test::TempDir dir;
    const auto sqlite = open_sqlite(dir.file("store.db"), OpenMode::daemon);
    measure("sqlite", *sqlite, runs, batch);
  }
  if (!wanted("postgres")) return 0;
  using rruled::testing::PostgresCluster;
  if (const auto why = PostgresCluster::missing(); !why.empty()) {
    std::printf("postgres left out: %s\n", why.c_str());
    return 0;
  }
  const PostgresCluster cluster({.fsync = true, .settings = "shared_buffers = 512MB"});
  const auto postgres = open_postgres(cluster.url(), OpenMode::daemon);
  measure("postgres", *postgres, runs, batch);
}
