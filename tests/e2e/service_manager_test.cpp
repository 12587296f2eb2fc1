// The daemon under a service manager: what it tells it, and the sockets it is given.
#include "tests/e2e/ops_fixture.h"
#include "tests/support/datagram_socket.h"
#include "tests/support/loopback_receiver.h"
#include "tests/support/postgres_cluster.h"

namespace rruled::test {
namespace {

using Catch::Contains;

// Starts the rest of the command line with listening sockets, as systemd does: "NAME=ADDRESS", a
// path or HOST:PORT.
constexpr char kActivate[] = R"py(
import os, socket, sys
split = sys.argv.index('--')
names = []
kept = []
for each in sys.argv[1:split]:
    name, where = each.split('=', 1)
    if where.startswith('/'):
        s = socket.socket(socket.AF_UNIX)
        s.bind(where)
    else:
        host, port = where.split(':')
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, int(port)))
    if name != 'deaf':
        s.listen(16)
    names.append(name)
    kept.append(os.dup(s.fileno()))
moved = [os.dup(fd) for fd in kept]
high = [os.dup2(fd, 100 + i, True) for i, fd in enumerate(moved)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, True)
    os.close(fd)
os.closerange(3 + len(high), 100)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=':'.join(names),
                  LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[split + 1], sys.argv[split + 1:])
)py";

std::vector<std::string> activated(const std::vector<std::string>& sockets,
                                   const std::vector<std::string>& daemon) {
  std::vector<std::string> argv{"/usr/bin/python3", "-c", kActivate};
  argv.insert(argv.end(), sockets.begin(), sockets.end());
  argv.push_back("--");
  argv.insert(argv.end(), daemon.begin(), daemon.end());
  return argv;
}

}  // namespace

TEST_CASE("READY=1 comes when the listener answers; a reload, a drain and the end are told") {
  LoopbackReceiver receiver;
  receiver.always_answer({.held = true});
  Installation here("[api]\nlisten = \"unix:/tmp/rruled-ready-" + std::to_string(::getpid()) +
                    ".sock\"\nauth = \"none\"\n[executors.default]\ntype = \"http\"\nurl = \"" +
                    receiver.url("/") + "\"\n");
  DatagramSocket manager(here.file("notify"));
  here.environment["NOTIFY_SOCKET"] = manager.path();
  here.environment["WATCHDOG_USEC"] = "200000";
  here.add_schedule("FREQ=SECONDLY");
  testing::BackgroundProcess daemon(here.daemon(), here.environment);
  const auto first = manager.take();  // nothing before it is ready
  CHECK_FALSE((first && first->find("READY=1") == std::string::npos));
  if (!first) REQUIRE(manager.wait_for("READY=1") == "READY=1");
  CHECK(here.rruled({"healthcheck"}).exit_code == 0);
  CHECK(!manager.wait_for("WATCHDOG=1").empty());
  CHECK(!manager.wait_for("STATUS=1 schedules due soon").empty());

  daemon.send_signal(SIGHUP);
  CHECK_THAT(manager.wait_for("RELOADING=1"), Contains("MONOTONIC_USEC="));
  CHECK(manager.wait_for("READY=1") == "READY=1");
  write_file(here.config(), "nonsense");
  daemon.send_signal(SIGHUP);
  CHECK(!manager.wait_for("RELOADING=1").empty());
  CHECK(!manager.wait_for("READY=1").empty());  // or the manager waits for ever
  CHECK_THAT(manager.wait_for("STATUS="), Contains("the last reload was refused: "));

  REQUIRE(receiver.wait_for_requests(1));
  daemon.send_signal(SIGTERM);
  CHECK_THAT(manager.wait_for("STOPPING=1"), Contains("STATUS=draining"));
  CHECK_THAT(manager.wait_for("EXTEND_TIMEOUT_USEC="), Contains("in flight"));
  receiver.release();
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a daemon that is stopped feeds no watchdog") {
  Installation here;
  DatagramSocket manager(here.file("notify"));
  here.environment["NOTIFY_SOCKET"] = manager.path();
  here.environment["WATCHDOG_USEC"] = "200000";
  testing::BackgroundProcess daemon(here.daemon(), here.environment);
  REQUIRE(!manager.wait_for("WATCHDOG=1").empty());
  daemon.send_signal(SIGSTOP);
  // It stands still once the kernel says so.
  while (testing::state_of(daemon.pid()) != 'T') continue;
  while (manager.take()) continue;
  CHECK_FALSE(manager.take());
  daemon.send_signal(SIGCONT);
  CHECK(!manager.wait_for("WATCHDOG=1").empty());
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a daemon that waits for its store asks for more time, and is not ready") {
  Installation here;
  DatagramSocket manager(here.file("notify"));
  here.environment["NOTIFY_SOCKET"] = manager.path();
  here.environment["RRULED_STORE_URL"] = "postgresql://nobody:geheim@127.0.0.1:9/none";
  testing::BackgroundProcess daemon(here.daemon(), here.environment);
  const auto told = manager.wait_for("EXTEND_TIMEOUT_USEC=");
  CHECK_THAT(told, Contains("STATUS=waiting for the store: ") && !Contains("geheim"));
  daemon.send_signal(SIGUSR1);  // neither ends it
  daemon.send_signal(SIGHUP);
  CHECK(!manager.wait_for("EXTEND_TIMEOUT_USEC=").empty());
  CHECK(!manager.wait_for("EXTEND_TIMEOUT_USEC=").empty());
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
  while (const auto rest = manager.take()) CHECK_THAT(*rest, !Contains("READY=1"));
}

TEST_CASE("inherited sockets take the place of api.listen and health.listen") {
  Installation here(
      "[api]\nlisten = \"127.0.0.1:1\"\nauth = \"none\"\n");  // nobody may listen there
  const std::string api = here.file("api.sock");
  const int health = testing::free_port();
  testing::BackgroundProcess daemon(
      activated({"rruled.socket=" + api, "health=127.0.0.1:" + std::to_string(health)},
                here.daemon()),
      here.environment);
  const auto line = daemon.read_until("api: listening on", kPatience);
  CHECK_THAT(line, Contains("unix:" + api + ", given by the service manager"));
  CHECK_THAT(curl({"--unix-socket", api, "http://localhost/api/projects/1/hog_flows/"}),
             Contains("\"count\":0"));
  const std::string where = "http://127.0.0.1:" + std::to_string(health);
  CHECK_THAT(curl({where + "/readyz"}), Contains("ok"));
  CHECK_THAT(curl({where + "/metrics"}), Contains("rruled_build_info"));
  CHECK_THAT(curl({where + "/api/projects/1/hog_flows/"}), Contains("not_found"));
  CHECK_THAT(curl({"--unix-socket", api, "http://localhost/metrics"}), Contains("not_found"));
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
  // The file belongs to the socket unit.
  CHECK(testing::run_process({"/usr/bin/test", "-S", api}).exit_code == 0);
}

TEST_CASE("an inherited descriptor that is no listening socket ends the daemon with what to do") {
  Installation here("[api]\nauth = \"none\"\n");
  const auto ended =
      testing::run_process(activated({"deaf=" + here.file("api.sock")}, here.daemon()), {});
  CHECK(ended.exit_code == 1);
  CHECK_THAT(ended.out + ended.err, Contains("is no socket that listens"));
}

TEST_CASE("an inherited socket that others can reach wants tokens") {
  Installation here("[api]\nauth = \"none\"\n");
  const auto ended = testing::run_process(activated({"api=0.0.0.0:0"}, here.daemon()), {});
  CHECK(ended.exit_code == 1);
  CHECK_THAT(ended.out + ended.err, Contains("is for loopback addresses, and listen is 0.0.0.0"));
}

TEST_CASE("sockets of another process are not taken, and commands do not believe they are theirs") {
  Installation here(
      "[api]\nlisten = \"127.0.0.1:0\"\nauth = \"none\"\n[executors.default]\ntype = "
      "\"command\"\nargv = [\"/bin/sh\", \"-c\", \"env; ls -l /proc/self/fd\"]\n");
  here.environment["LISTEN_FDS"] = "1";
  here.environment["LISTEN_PID"] = "1";
  here.add_schedule("FREQ=DAILY;COUNT=1");
  Serving serving(here);
  CHECK_THAT(curl({"http://" + serving.address + "/livez"}), Contains("ok"));
  REQUIRE(!serving.daemon.read_until("  completed", kPatience).empty());
  const std::string id(here.runs().at(0).at("id").as_string());
  const auto shown = here.rruled({"runs", "show", id});
  CHECK_THAT(shown.out, Contains("RRULED_RUN_ID=") && !Contains("LISTEN_"));
  CHECK(serving.stop() == 0);
}

TEST_CASE("health and metrics on a listener of their own") {
  const Installation here("[health]\nlisten = \"127.0.0.1:0\"\n");
  Serving serving(here, "health");
  const std::string base = "http://" + serving.address;
  CHECK_THAT(curl({base + "/livez"}), Contains("ok"));
  CHECK_THAT(curl({base + "/metrics"}), Contains("rruled_schedules{status=\"active\"} 0"));
  const auto verbose = curl({base + "/readyz?verbose"});
  CHECK(verbose ==
        "[+]running ok\n[+]horizon ok\n[+]store ok\n[+]settled_to ok\n[+]configuration ok\n"
        "readyz check passed\n");
  CHECK(curl({base + "/healthz?verbose=1"}) == verbose);
  CHECK(here.rruled({"healthcheck", "--at", serving.address}).exit_code == 0);
  CHECK(serving.stop() == 0);
}

}  // namespace rruled::test
