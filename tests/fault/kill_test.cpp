#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/driver.h"
#include "store/sqlite_store.h"
#include "tests/support/hooked_store.h"
#include "tests/support/simulation.h"
#include "tests/support/temp_dir.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

// kill -9 at every step of a real daemon on a real file: a child process runs the engine until the
// step, dies, and the next child goes on from the file, until one gets through.
namespace rruled::test {
namespace {

namespace asio = boost::asio;
constexpr int kRuns = 3;
constexpr int kDone = 42;  // exit code of a child that got through

// Where the process dies: the n-th step, counting store calls (before and after) and deliveries
// (before and after the receiver got the run).
class Fuse {
 public:
  explicit Fuse(int step) : step_(step) {}
  void burn() {
    if (++count_ == step_) ::kill(::getpid(), SIGKILL);
  }

 private:
  int step_;
  int count_ = 0;
};

// The receiver: a line a delivery at the end of a file.
class FileExecutor final : public io::Executor {
 public:
  FileExecutor(std::string file, Fuse& fuse) : file_(std::move(file)), fuse_(fuse) {}
  asio::awaitable<core::Report> deliver(store::Run run, io::SendPermit) override {
    fuse_.burn();
    const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string line = core::idempotency_key(run.id) + "\t" + run.body + "\n";
    if (::write(fd, line.data(), line.size()) < 0) std::abort();
    ::close(fd);
    fuse_.burn();
    core::Report report;
    report.started_at = report.finished_at = io::SystemClock().now();
    co_return report;
  }
  std::string destination(const store::Run&) const override { return file_; }
  std::string payload(const store::Run& run) const override { return run.body; }

 private:
  std::string file_;
  Fuse& fuse_;
};

class UntilDone final : public io::Observer {
 public:
  explicit UntilDone(store::Store& store) : store_(store) {}
  void on_turn(const core::Planner::Load&) override {
    for (const auto& [status, count] : store_.counts().runs)
      if (status == store::RunStatus::completed && count == kRuns) ::_exit(kDone);
  }

 private:
  store::Store& store_;
};

[[noreturn]] void run_daemon(const std::string& file, const std::string& received, int step) {
  Fuse fuse(step);
  const auto real = store::open_sqlite(file, store::OpenMode::daemon);
  const auto watching = store::open_sqlite(file, store::OpenMode::command);
  HookedStore store(*real, [&fuse](HookedStore::When, int) { fuse.burn(); });
  io::SystemClock machine;
  io::StoreClock clock(machine);
  asio::io_context io{1};
  asio::thread_pool store_thread{1};
  const rrule::ZoneDatabase zones;
  core::PlannerOptions options;
  options.executors = {{"default", 10}};
  const auto session = store.begin_session({store::random_uuid_v7(clock.now())}, clock.now());
  core::Planner planner(options, zones, clock.now());
  std::map<std::string, std::shared_ptr<io::Executor>> executors;
  executors["default"] = std::make_unique<FileExecutor>(received, fuse);
  UntilDone observer(*watching);
  io::Driver driver(io.get_executor(), clock, {store, store_thread}, {store, store_thread}, planner,
                    session, executors, observer);
  asio::co_spawn(io, driver.run(), [](std::exception_ptr) { ::_exit(1); });
  io.run();
  ::_exit(1);
}

int die_at(const std::string& file, const std::string& received, int step) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    run_daemon(file, received, step);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A schedule whose kRuns occurrences have just come due.
store::ScheduleId make_store(const std::string& file) {
  const auto store = store::open_sqlite(file, store::OpenMode::command);
  const auto now = io::SystemClock().now();
  store::Flow flow;
  flow.id = {store::random_uuid_v7(now)};
  flow.name = "killed";
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "schedule";
  flow.created_at = flow.updated_at = now;
  store::Schedule row;
  row.id = {store::random_uuid_v7(now)};
  row.flow_id = flow.id;
  row.rrule = "FREQ=SECONDLY;COUNT=" + std::to_string(kRuns);
  row.starts_at = std::chrono::floor<std::chrono::seconds>(now) - std::chrono::seconds(kRuns + 1);
  row.created_at = row.updated_at = now;
  row.next_run_at = row.starts_at;
  row.next_due_at = row.starts_at;
  REQUIRE(
      !store->write({.flows = {{flow, std::nullopt}}, .schedules = {{row, std::nullopt}}}, now));
  return row.id;
}

}  // namespace

TEST_CASE("kill -9 at every step, then a new start: each occurrence once, with one key") {
  int deaths = 0;
  int repeats = 0;
  for (int step = 1;; ++step) {
    INFO("killed at step " << step);
    TempDir dir;
    const auto file = dir.file("killed.db");
    const auto received = dir.file("received");
    const auto id = make_store(file);
    const int first = die_at(file, received, step);
    const bool got_through = first == kDone;
    if (!got_through) {
      REQUIRE(first == 128 + SIGKILL);
      ++deaths;
      REQUIRE(die_at(file, received, 0) == kDone);
    }
    const auto store = store::open_sqlite(file, store::OpenMode::command);
    CHECK(account_of(*store, id).runs.size() == kRuns);
    CHECK(store->schedule(id)->status == store::ScheduleStatus::completed);

    std::map<std::string, std::set<std::string>> bodies;
    int sends = 0;
    std::ifstream in(received);
    for (std::string line; std::getline(in, line); ++sends)
      bodies[line.substr(0, line.find('\t'))].insert(line);
    CHECK(bodies.size() == kRuns);
    for (const auto& [key, distinct] : bodies) CHECK(distinct.size() == 1);
    repeats += sends - kRuns;
    if (got_through) break;
  }
  CHECK(deaths > 10);
  CHECK(repeats > 0);  // some steps lie between the send and the outcome's commit
}

}  // namespace rruled::test
