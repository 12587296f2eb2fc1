// What ends a connection, or a transaction, that nothing comes from any more.
#include "daemon/io/fd.h"
#include "postgres_fixture.h"
#include "sample.h"
#include "store/postgres_connection.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

namespace rruled::test {
namespace {

using Kind = StoreError::Kind;

// Descriptors of this process that are connected to the port.
std::vector<int> connected_to(int port) {
  std::vector<int> found;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(each.path().filename());
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
      found.push_back(fd);
  }
  std::ranges::sort(found);
  return found;
}

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  REQUIRE(::getsockopt(fd, level, name, &value, &size) == 0);
  return value;
}

// Takes one connection and never says anything.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_.get(), any, size) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    REQUIRE(::getsockname(listener_.get(), any, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { listen(); });
  }
  ~SilentServer() {
    if (thread_.joinable()) thread_.join();
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  [[nodiscard]] std::string url() const {
    return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/postgres";
  }
  // Whether the other side was the one that left. Once.
  [[nodiscard]] bool was_left() {
    thread_.join();
    return was_left_;
  }

 private:
  // Far longer than anybody should wait.
  static constexpr int kPatienceMs = 60'000;
  [[nodiscard]] static bool wait(int fd) {
    pollfd wanted{fd, POLLIN, 0};
    return ::poll(&wanted, 1, kPatienceMs) == 1;
  }
  void listen() {
    if (!wait(listener_.get())) return;
    const io::Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char ignored[1'024];
    while (!was_left_ && wait(peer.get()))
      was_left_ = ::recv(peer.get(), ignored, sizeof(ignored), 0) <= 0;
  }

  io::Fd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port_ = 0;
  bool was_left_ = false;  // the thread's until it has ended
  std::thread thread_;
};

}  // namespace

TEST_CASE("a server that takes connections and says nothing is unavailable", "[postgres]") {
  SilentServer server;
  try {
    (void)open_postgres(server.url(), OpenMode::daemon, {});
    FAIL("was opened");
  } catch (const StoreError& error) {
    CHECK(error.kind() == Kind::unavailable);
  }
  CHECK(server.was_left());
}

// The kernel's own answer to a peer that is gone without a word: nothing else ends such a call.
TEST_CASE("the kernel ends a connection whose other side is gone", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  (void)schema.open();
  const int port = testing::shared_postgres().port();
  const auto before = connected_to(port);
  const auto store = schema.open();
  const auto after = connected_to(port);
  std::vector<int> ours;
  std::ranges::set_difference(after, before, std::back_inserter(ours));
  REQUIRE(ours.size() == 1);
  const int fd = ours.front();
  CHECK(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 8'000);
  CHECK(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 5);
  CHECK(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 2);
  CHECK(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT) == 3);
}

TEST_CASE("the server bounds each statement, lock and silence of a transaction", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  (void)schema.open();
  auto options = schema.options();
  const auto bounds = [](Tx& tx) {
    std::string text;
    for (const char* name :
         {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"})
      text += tx.exec_text(std::string("SHOW ") + name)[0][0].c_str() + std::string(" ");
    return text;
  };
  PgConnection usual(parse_postgres_url(schema.url(), false), OpenMode::daemon, options);
  CHECK(usual.write(at(0), bounds) == "30s 5s 10s ");
  CHECK(usual.read(bounds) == "30s 5s 10s ");
  // The commands that copy a store have none.
  options.statement_timeout = options.idle_timeout = std::chrono::milliseconds(0);
  PgConnection copying(parse_postgres_url(schema.url(), false), OpenMode::command, options);
  CHECK(copying.write(at(0), bounds) == "0 5s 0 ");
}

TEST_CASE("a daemon that is stopped in a transaction does not keep its locks", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  (void)schema.open();
  auto options = schema.options();
  options.idle_timeout = std::chrono::milliseconds(50);
  PgConnection stopped(parse_postgres_url(schema.url(), false), OpenMode::daemon, options);
  bool ended = false;
  const auto work = [&](Tx& tx) {
    const std::string pid =
        tx.exec_text("SELECT pg_backend_pid() FROM meta WHERE one = 1 FOR UPDATE")[0][0].c_str();
    const auto alive = "SELECT count(*), pg_sleep(0.02) FROM pg_stat_activity WHERE pid = " + pid;
    for (int asked = 0; asked < 1'000 && !ended; ++asked)
      ended = schema.sql(alive).starts_with("0");
    tx.exec_text("SELECT 1");
  };
  try {
    stopped.write(at(0), work);
    FAIL("went on");
  } catch (const StoreError& error) {
    CHECK(error.kind() == Kind::unavailable);
  }
  CHECK(ended);
  CHECK(!schema.sql("SELECT epoch FROM meta FOR UPDATE NOWAIT").empty());
}

}  // namespace rruled::test
