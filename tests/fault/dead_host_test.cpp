// P7: ten thousand runs for a host that answers nobody delay nobody else.
#include "daemon/io/driver.h"
#include "daemon/io/http_executor.h"
#include "store/sqlite_store.h"
#include "tests/support/loopback_receiver.h"
#include "tests/support/temp_dir.h"

#include <arpa/inet.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace rruled::test {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using store::Instant;
using store::RunStatus;

constexpr int kDead = 10'000;
constexpr int kFine = 100;

// A port whose queue of connections is full: the kernel drops every further SYN.
class BlackHole {
 public:
  BlackHole() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    socklen_t size = sizeof(address_);
    const auto* name = reinterpret_cast<const sockaddr*>(&address_);
    REQUIRE(::bind(sockets_[0], name, size) == 0);
    REQUIRE(::getsockname(sockets_[0], reinterpret_cast<sockaddr*>(&address_), &size) == 0);
    REQUIRE(::listen(sockets_[0], 0) == 0);
    for (int i = 0; i < 16 && connects(); ++i) {
    }
    REQUIRE_FALSE(connects());
  }
  ~BlackHole() {
    for (const int socket : sockets_) ::close(socket);
  }
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + "/";
  }

 private:
  // Keeps the connection.
  bool connects() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockets_.push_back(fd);
    (void)::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof(address_));
    pollfd poll{fd, POLLOUT, 0};
    return ::poll(&poll, 1, 200) == 1;
  }
  sockaddr_in address_{};
  std::vector<int> sockets_;
};

// Stops the daemon once the runs of the executor `fine` have ended.
class UntilFine final : public io::Observer {
 public:
  void on(const core::Notice& notice) override {
    const bool fine = notice.run && notice.run->executor == "fine";
    if (!fine || notice.kind != core::Notice::Kind::run_ended || ++ended < 3 * kFine) return;
    driver->stop();
    driver->cut_short();
  }
  io::Driver* driver = nullptr;
  int ended = 0;
};

void add_schedules(store::Store& store, int count, const std::string& executor, Instant due) {
  static int made = 0;
  store::ChangeSet changes;
  store::Flow flow;
  flow.id = {store::random_uuid_v7(due)};
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "schedule";
  changes.flows.push_back({flow, {}});
  for (int i = 0; i < count; ++i) {
    store::Schedule schedule;
    schedule.id = {store::random_uuid_v7(due)};
    schedule.flow_id = flow.id;
    schedule.rrule = "RRULE:FREQ=DAILY";
    schedule.starts_at = due;
    schedule.next_run_at = due;
    schedule.next_due_at = due;
    schedule.executor = executor;
    schedule.note = std::to_string(++made);
    changes.schedules.push_back({schedule, {}});
  }
  REQUIRE_FALSE(store.write(changes, due));
}

std::unique_ptr<io::Executor> http(asio::io_context& io, const io::Clock& clock, std::string url) {
  io::HttpExecutorOptions options;
  options.url = std::move(url);
  return io::HttpExecutor::create(io.get_executor(), clock, std::move(options)).value();
}

// Of the runs of `fine` that were due then, the latest start.
milliseconds latest_of(store::Store& store, Instant due) {
  milliseconds latest{0};
  int runs = 0;
  for (const auto& run : store.runs({.limit = 100'000})) {
    if (run.executor != "fine" || run.due_at != due) continue;
    REQUIRE(run.status == RunStatus::completed);
    latest = std::max(latest, *run.started_at - run.due_at);
    ++runs;
  }
  REQUIRE(runs == kFine);
  return latest;
}

}  // namespace

TEST_CASE("a dead host with 10,000 runs due keeps none of 100 others waiting") {
  const TempDir folder;
  auto file = store::open_sqlite(folder.file("rruled.db"), store::OpenMode::daemon);
  store::Store& store = *file;
  const BlackHole dead;
  LoopbackReceiver fine;
  io::SystemClock machine;
  io::StoreClock clock(machine);
  // First the hundred alone: what this machine, with what else runs on it, needs for them. Then
  // both at once. All is written before: under a sanitizer on a busy machine in more than 5 s.
  const Instant alone = std::chrono::ceil<std::chrono::seconds>(clock.now()) + 10s;
  const Instant both = alone + 3s;
  // Then, as what is due to the dead host is given up waiting for a slot, and all of it is written.
  const Instant later = both + 2s;
  add_schedules(store, kFine, "fine", alone);
  add_schedules(store, kDead, "dead", both);
  add_schedules(store, kFine, "fine", both);
  add_schedules(store, kFine, "fine", later);

  asio::io_context io{1};
  asio::thread_pool store_thread{1};
  const rrule::ZoneDatabase zones;
  const auto now = clock.now();
  REQUIRE(now < alone);
  core::Planner planner({.executors = {{"dead", 32}, {"fine", 32}},
                         .settle_hold = later - both,
                         .breakers = {{"dead", {.failures = 5}}, {"fine", {.failures = 5}}}},
                        zones, now);
  const auto session = store.begin_session({store::random_uuid_v7(now)}, now);
  std::map<std::string, std::shared_ptr<io::Executor>> executors;
  executors["dead"] = http(io, clock, dead.url());
  executors["fine"] = http(io, clock, fine.url("/"));
  UntilFine observer;
  io::Driver driver(io.get_executor(), clock, {store, store_thread}, {store, store_thread}, planner,
                    session, executors, observer);
  observer.driver = &driver;
  bool ended = false;
  asio::co_spawn(io, driver.run(), [&](std::exception_ptr error) {
    ended = !error;
    io.stop();
  });
  io.run_for(60s);
  store_thread.join();
  REQUIRE(ended);

  const auto calm = latest_of(store, alone);
  const auto beside = latest_of(store, both);
  const auto written = latest_of(store, later);
  WARN("the latest of 100 started " << calm.count() << " ms after it was due alone, "
                                    << beside.count() << " ms beside the dead host, "
                                    << written.count() << " ms while its runs are written");
  // 250 ms is what is promised, and ten times what a machine with nothing else to do needs in a
  // debug build. Where the machine is busy, the hundred alone are late as well: then so much more.
  CHECK(beside <= 250ms + 4 * calm);
  CHECK(written <= 250ms + 4 * calm);
  // Its 32 slots are taken, no more, and nobody has given up.
  int sent = 0;
  for (const auto& run : store.runs({.limit = 100'000})) {
    if (run.executor != "dead") continue;
    CHECK(run.attempts <= 1);
    CHECK(run.status != RunStatus::dead);
    sent += run.attempts;
  }
  CHECK(sent <= 32);
}

}  // namespace rruled::test
