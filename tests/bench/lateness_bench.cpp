// How late runs start when many are due at once, end to end on this machine: the daemon of this
// build with its usual settings, its store, and a receiver on the loopback.
//
//   lateness_bench [sqlite|postgres|sustained|million|peers]..
//
// PostgreSQL is a private server with synchronous_commit = on and fsync on.
#include "daemon/core/lifecycle.h"
#include "store/open.h"
#include "tests/bench/bench_daemon.h"
#include "tests/bench/sink.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/temp_dir.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <set>
#include <stdexcept>
#include <thread>

namespace rruled::bench {
namespace {

using namespace std::chrono_literals;
using store::Instant;
using store::Timestamp;

Timestamp now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

struct Bench {
  store::StoreLocation location;
  std::string folder;
  std::unique_ptr<store::Store> store = store::open_store(location, store::OpenMode::command);
  Sink sink{};
  rrule::ZoneDatabase zones{};

  [[nodiscard]] std::string config() const {
    return "[store]\nurl = \"" + location.url +
           "\"\n[run]\nmax_in_flight = 1000\n[executors.default]\ntype = \"http\"\nurl = \"" +
           sink.url() + "\"\nmax_in_flight = 1000\n";
  }
};

store::Flow make_flow(Bench& bench, const char* name) {
  store::Flow flow;
  flow.id.value = store::random_uuid_v7(now());
  flow.name = name;
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "schedule";
  flow.created_at = flow.updated_at = now();
  store::ChangeSet changes;
  changes.flows.push_back({flow, {}});
  if (bench.store->write(changes, now())) throw std::runtime_error("the flow is there already");
  return flow;
}

// `count` schedules of one flow; the n-th starts at start_of(n).
template <class StartOf>
void fill(Bench& bench,
          const store::Flow& flow,
          const std::string& rule,
          std::size_t count,
          StartOf start_of) {
  for (std::size_t made = 0; made < count;) {
    store::ChangeSet changes;
    for (; made < count && changes.schedules.size() < 2'000; ++made) {
      store::Schedule schedule;
      schedule.id.value = store::random_uuid_v7(now());
      schedule.flow_id = flow.id;
      schedule.rrule = rule;
      schedule.starts_at = start_of(made);
      schedule.created_at = schedule.updated_at = now();
      const auto timetable = core::Timetable::compile(schedule, bench.zones).value();
      changes.schedules.push_back(
          {core::rescheduled(schedule, timetable, true, now()).schedule, {}});
    }
    if (bench.store->write(changes, now())) throw std::runtime_error("a schedule was in the way");
  }
}

std::uint64_t count_of(const store::Counts& counts, std::initializer_list<store::RunStatus> which) {
  std::uint64_t sum = 0;
  for (const auto& [status, count] : counts.runs)
    if (std::find(which.begin(), which.end(), status) != which.end()) sum += count;
  return sum;
}

void wait_for(Bench& bench, std::size_t requests, std::chrono::seconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  const auto live = [&] {
    using enum store::RunStatus;
    return count_of(bench.store->counts(), {waiting, pending, dispatching, retrying});
  };
  while (bench.sink.requests() < requests || live() > 0) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("only " + std::to_string(bench.sink.requests()) + " of " +
                               std::to_string(requests) + " runs were sent in time");
    std::this_thread::sleep_for(5ms);
  }
}

struct Lateness {
  std::size_t runs = 0;
  std::chrono::milliseconds p50{0}, p99{0}, max{0};
  std::chrono::milliseconds finished_after{0};  // the last one, since the first was due
  std::chrono::milliseconds cpu{0};             // of the daemon, all of its life
};

Lateness lateness_of(const std::vector<store::Run>& runs) {
  std::vector<std::chrono::milliseconds> late;
  auto first_due = Timestamp::max();
  auto last_end = Timestamp::min();
  for (const auto& run : runs) {
    if (!run.started_at || !run.finished_at) throw std::runtime_error("a run has not ended");
    late.push_back(*run.started_at - run.due_at);
    first_due = std::min(first_due, run.due_at);
    last_end = std::max(last_end, *run.finished_at);
  }
  std::sort(late.begin(), late.end());
  if (late.empty()) throw std::runtime_error("nothing ran");
  const auto at = [&](double part) {
    return late[static_cast<std::size_t>(part * static_cast<double>(late.size() - 1))];
  };
  return {late.size(), at(0.5), at(0.99), late.back(), last_end - first_due};
}

void print(const char* what, const Lateness& lateness) {
  std::printf(
      "| %-34s | %7zu | %6lld | %6lld | %6lld | %7lld | %7.0f | %6.1f |\n", what, lateness.runs,
      static_cast<long long>(lateness.p50.count()), static_cast<long long>(lateness.p99.count()),
      static_cast<long long>(lateness.max.count()),
      static_cast<long long>(lateness.finished_after.count()),
      1'000.0 * static_cast<double>(lateness.runs) /
          static_cast<double>(std::max<long long>(1, lateness.finished_after.count())),
      1'000.0 * static_cast<double>(lateness.cpu.count()) / static_cast<double>(lateness.runs));
  std::fflush(stdout);
}

void print_header() {
  std::printf(
      "| due at once                        |    runs | p50 ms | p99 ms | max ms |"
      " all, ms | runs/s  | CPU us |\n|---|---|---|---|---|---|---|---|\n");
}

// `count` runs due in one second.
void burst(Bench& bench, const char* what, std::size_t count) {
  const auto flow = make_flow(bench, what);
  const auto lead = 4s + std::chrono::seconds(count / 4'000);
  const Instant due = std::chrono::floor<std::chrono::seconds>(now()) + lead;
  fill(bench, flow, "FREQ=DAILY", count, [&](std::size_t) { return due; });
  if (now() + 1s > due) throw std::runtime_error("the store was filled too slowly");
  const auto before = bench.sink.requests();
  auto cpu = 0ms;
  {
    const BenchDaemon daemon(RRULED_BINARY, bench.config(), bench.folder);
    wait_for(bench, before + count, 120s);
    cpu = daemon.cpu_time();
  }
  auto lateness = lateness_of(bench.store->runs({.flow_id = flow.id, .limit = count}));
  lateness.cpu = cpu;
  print(what, lateness);
}

// `count` schedules due every second, for `seconds`.
void sustained(Bench& bench, const char* what, std::size_t count, std::size_t seconds) {
  const auto flow = make_flow(bench, what);
  const Instant due =
      std::chrono::floor<std::chrono::seconds>(now()) + 4s + std::chrono::seconds(count / 4'000);
  fill(bench, flow, "FREQ=SECONDLY;COUNT=" + std::to_string(seconds), count,
       [&](std::size_t) { return due; });
  const auto before = bench.sink.requests();
  auto cpu = 0ms;
  {
    const BenchDaemon daemon(RRULED_BINARY, bench.config(), bench.folder);
    wait_for(bench, before + count * seconds, 180s);
    cpu = daemon.cpu_time();
  }
  auto lateness = lateness_of(bench.store->runs({.flow_id = flow.id, .limit = count * seconds}));
  lateness.cpu = cpu;
  print(what, lateness);
}

// How late a schedule starts that is edited to be due at the next second.
std::chrono::milliseconds latency_of_an_edit(Bench& bench, store::Schedule schedule) {
  const auto timetable_before = core::Timetable::compile(schedule, bench.zones).value();
  store::Schedule after = schedule;
  const auto written = now();
  after.starts_at = std::chrono::ceil<std::chrono::seconds>(written + 20ms);
  after.rrule = "FREQ=DAILY;COUNT=1";
  const auto timetable = core::Timetable::compile(after, bench.zones).value();
  const auto change = core::edited(schedule, &timetable_before, after, timetable, true, written);
  store::ChangeSet changes;
  changes.schedules.push_back(
      {change.schedule,
       store::ScheduleStamp{schedule.version, schedule.next_run_at, schedule.status}});
  const auto requests = bench.sink.requests();
  if (bench.store->write(changes, written)) throw std::runtime_error("edited meanwhile");
  wait_for(bench, requests + 1, 20s);
  const auto run = bench.store->runs({.schedule_id = schedule.id, .limit = 1}).at(0);
  return *run.started_at - run.due_at;
}

void million(Bench& bench) {
  constexpr std::size_t kAll = 1'000'000;
  constexpr std::size_t kSoon = 100'000;
  const auto flow = make_flow(bench, "a million");
  const auto far = make_flow(bench, "far away");
  const Instant later = std::chrono::floor<std::chrono::seconds>(now()) + std::chrono::days(30);
  fill(bench, far, "FREQ=DAILY", kAll - kSoon,
       [&](std::size_t n) { return later + std::chrono::seconds(n % 86'400); });
  const Instant due = std::chrono::floor<std::chrono::seconds>(now()) + 40s;
  fill(bench, flow, "FREQ=DAILY", kSoon,
       [&](std::size_t n) { return due + std::chrono::seconds(n % 60); });
  const BenchDaemon daemon(RRULED_BINARY, bench.config(), bench.folder);
  wait_for(bench, kSoon, 180s);
  auto lateness = lateness_of(bench.store->runs({.flow_id = flow.id, .limit = kSoon}));
  lateness.cpu = daemon.cpu_time();
  print("of 1,000,000: 100,000 in a minute", lateness);
  auto edited = 0ms;
  for (const auto& schedule : bench.store->schedules({.flow_id = far.id, .limit = 20}))
    edited = std::max(edited, latency_of_an_edit(bench, schedule));
  std::printf(
      "\na million active schedules: ready after %lld ms, at most %zu MB resident, an edit"
      " to the next second starts at most %lld ms late\n",
      static_cast<long long>(daemon.time_to_ready().count()), daemon.peak_memory_mb(),
      static_cast<long long>(edited.count()));
}

}  // namespace

int run(int argc, char** argv) {
  std::set<std::string> wanted(argv + 1, argv + argc);
  if (wanted.empty()) wanted = {"sqlite", "postgres", "sustained", "million", "peers"};
  const test::TempDir folder;
  print_header();
  if (wanted.contains("sqlite")) {
    Bench bench{{.url = "sqlite://" + folder.file("bench.db")}, folder.file("")};
    burst(bench, "SQLite, 1,000", 1'000);
    burst(bench, "SQLite, 10,000", 10'000);
    sustained(bench, "SQLite, 8,000 each second, 10 s", 8'000, 10);
  }
  wanted.erase("sqlite");
  if (wanted.empty()) return 0;
  testing::PostgresCluster::Options options;
  options.settings = "shared_buffers = 512MB\nmax_wal_size = 4GB\nmax_worker_processes = 64\n";
  if (wanted.contains("peers"))
    options.settings += "shared_preload_libraries = 'pg_cron'\ncron.max_running_jobs = 32\n";
  testing::PostgresCluster cluster(options);
  const store::StoreLocation location{.url = cluster.url()};
  (void)store::open_store(location, store::OpenMode::daemon);
  if (wanted.contains("postgres")) {
    Bench bench{location, folder.file("")};
    burst(bench, "PostgreSQL, 1,000", 1'000);
    burst(bench, "PostgreSQL, 10,000", 10'000);
    burst(bench, "PostgreSQL, 100,000", 100'000);
  }
  if (wanted.contains("sustained")) {
    Bench bench{location, folder.file("")};
    sustained(bench, "PostgreSQL, 15,000 each second, 10 s", 15'000, 10);
  }
  if (wanted.contains("peers")) {
    std::fflush(stdout);
    const std::string command = "bash " RRULED_SOURCE_DIR "/tests/bench/peers/run.sh '" +
                                cluster.url() + "' '" + folder.file("peers") + "' 500 1000";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("the peers could not be run");
  }
  if (wanted.contains("million")) {
    Bench bench{location, folder.file("")};
    million(bench);
  }
  return 0;
}

}  // namespace rruled::bench

int main(int argc, char** argv) {
  try {
    return rruled::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lateness_bench: %s\n", error.what());
    return 1;
  }
}
