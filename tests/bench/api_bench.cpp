// How quick the HTTP API is with many schedules, on this machine: a daemon of this build with its
// API on the loopback, its store, and clients beside it.
//
//   api_bench [sqlite|postgres|hostile]..
//
// hostile: how late schedules fire and how long good clients wait while others attack the API.
#include "daemon/core/lifecycle.h"
#include "daemon/core/time_text.h"
#include "daemon/io/api_token.h"
#include "store/directory.h"
#include "store/open.h"
#include "tests/bench/bench_daemon.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/api/client.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

namespace rruled::bench {
namespace {

using std::chrono::steady_clock;
using store::Timestamp;

constexpr std::size_t kSchedules = 100'000;

Timestamp now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

struct Filled {
  std::string flow;
  std::string token;
};

// One flow with all the schedules, none due today, and a token that may write.
Filled fill(store::Store& store, std::size_t count) {
  const rrule::ZoneDatabase zones;
  store::Flow flow;
  flow.id.value = store::random_uuid_v7(now());
  flow.name = "many";
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "schedule";
  flow.created_at = flow.updated_at = now();
  if (store.write({.flows = {{flow, {}}}}, now())) throw std::runtime_error("no empty store");
  for (std::size_t made = 0; made < count;) {
    store::ChangeSet changes;
    for (; made < count && changes.schedules.size() < 2'000; ++made) {
      store::Schedule schedule;
      schedule.id.value = store::random_uuid_v7(now());
      schedule.flow_id = flow.id;
      schedule.rrule = "FREQ=DAILY";
      schedule.starts_at = std::chrono::floor<std::chrono::seconds>(now()) +
                           std::chrono::hours(24) + std::chrono::seconds(made % 3'600);
      schedule.created_at = schedule.updated_at = now();
      const auto timetable = core::Timetable::compile(schedule, zones).value();
      changes.schedules.push_back(
          {core::rescheduled(schedule, timetable, true, now()).schedule, {}});
    }
    if (store.write(changes, now())) throw std::runtime_error("a schedule was in the way");
  }
  const std::string text = io::new_api_token();
  store::Token token;
  token.id.value = store::random_uuid_v7(now());
  token.project_id = 1;
  token.hash = io::api_token_hash(text).value();
  token.scopes = "hog_flow:read hog_flow:write";
  token.created_at = now();
  store::AuditEntry entry;
  entry.at = now();
  entry.actor = "bench";
  store.directory()->add_token(token, entry);
  return {to_string(flow.id), text};
}

std::uint16_t free_port() {
  boost::asio::io_context io;
  const boost::asio::ip::tcp::acceptor any(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  return any.local_endpoint().port();
}

class Asking {
 public:
  Asking(std::uint16_t port, std::string token) : port_(port), token_(std::move(token)) {}

  // The next ask() makes a new connection.
  void hang_up() { client_.reset(); }

  // The answer, which must have this status, and how long it took.
  std::string ask(const std::string& method,
                  const std::string& path,
                  const std::string& body,
                  int status) {
    std::string request = method + " " + path +
                          " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token_ +
                          "\r\n";
    if (!body.empty())
      request +=
          "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n";
    const auto begin = steady_clock::now();
    if (!client_)
      client_.emplace(
          boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), port_));
    auto answer = client_->ask(request + "\r\n" + body);
    took.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
    if (!answer.starts_with("HTTP/1.1 " + std::to_string(status)))
      throw std::runtime_error(method + " " + path + " answered " + answer.substr(0, 300));
    return answer;
  }
  std::vector<double> took;

 private:
  std::uint16_t port_;
  std::string token_;
  std::optional<test::Client> client_;
};

void print(const std::string& what, std::vector<double> took) {
  std::sort(took.begin(), took.end());
  const auto at = [&](double part) {
    return took[static_cast<std::size_t>(part * static_cast<double>(took.size() - 1))];
  };
  std::printf("| %-44s | %6zu | %7.2f | %7.2f | %7.2f |\n", what.c_str(), took.size(), at(0.5),
              at(0.99), took.back());
  std::fflush(stdout);
}

std::string first_id(const std::string& page) {
  const auto at = page.find("\"id\":\"");
  if (at == std::string::npos) throw std::runtime_error("a page without rows");
  return page.substr(at + 6, 36);
}

// wrk on one schedule; the line of it that says how many.
void read_with_wrk(std::uint16_t port, const std::string& path, const std::string& token) {
  const std::string command = "wrk -t1 -c16 -d5s -H 'Authorization: Bearer " + token +
                              "' http://127.0.0.1:" + std::to_string(port) + path +
                              " | grep -E 'Requests/sec|Non-2xx'";
  std::printf("\nreads of one schedule, wrk with 16 connections beside:\n");
  std::fflush(stdout);
  if (std::system(command.c_str()) != 0) std::printf("(wrk is not installed)\n");
}

// `settle`: what the store would do by itself within a minute.
void measure(const char* name,
             const store::StoreLocation& location,
             const std::string& folder,
             const std::function<void()>& settle) {
  Filled filled;
  {
    const auto store = store::open_store(location, store::OpenMode::command);
    filled = fill(*store, kSchedules);
  }
  settle();
  const auto port = free_port();
  const BenchDaemon daemon(RRULED_BINARY,
                           "[store]\nurl = \"" + location.url +
                               "\"\n[api]\nlisten = \"127.0.0.1:" + std::to_string(port) + "\"\n",
                           folder);
  const std::string path = "/api/projects/1/hog_flows/" + filled.flow + "/schedules/";
  std::printf(
      "\n%s, %zu schedules in a project\n\n"
      "| request                                      |  times |  p50 ms |  p99 ms |  max ms |\n"
      "|---|---|---|---|---|\n",
      name, kSchedules);
  std::mt19937 random(1);
  Asking pages(port, filled.token);
  std::string page;
  for (int i = 0; i < 500; ++i)
    page = pages.ask("GET", path + "?limit=100&offset=" + std::to_string(random() % kSchedules), "",
                     200);
  print("page of 100, any offset", pages.took);
  Asking first(port, filled.token);
  for (int i = 0; i < 500; ++i) page = first.ask("GET", path, "", 200);
  print("page of 100, the first", first.took);
  Asking creates(port, filled.token);
  for (int i = 0; i < 500; ++i)
    creates.ask("POST", path, R"({"rrule":"FREQ=DAILY","starts_at":"2099-01-01T00:00:00Z"})", 201);
  print("create a schedule", creates.took);
  const std::string one = path + first_id(page) + "/";
  Asking reads(port, filled.token);
  for (int i = 0; i < 2'000; ++i) reads.ask("GET", one, "", 200);
  print("read one schedule", reads.took);
  read_with_wrk(port, one, filled.token);
}

// Over the cap, slowly, too much, and nonsense, about 400 times a second until `stop`.
void attack(std::uint16_t port, const std::string& token, const std::atomic<bool>& stop) {
  const boost::asio::ip::tcp::endpoint there(boost::asio::ip::make_address("127.0.0.1"), port);
  boost::asio::io_context io;
  std::vector<boost::asio::ip::tcp::socket> idle;
  boost::system::error_code ignored;
  const std::string post =
      "POST /api/projects/1/hog_flows/ HTTP/1.1\r\nHost: x\r\nAuthorization: "
      "Bearer " +
      token + "\r\nContent-Type: application/json\r\nContent-Length: ";
  const std::string deep(900'000, '[');
  for (std::size_t i = 0; !stop; ++i) {
    if (idle.size() == 2'000) idle.clear();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    auto& socket = idle.emplace_back(io);
    if (socket.connect(there, ignored)) continue;
    const auto send = [&](const std::string& bytes) {
      boost::asio::write(socket, boost::asio::buffer(bytes), ignored);
    };
    switch (i % 8) {
      case 1:
        send("GET /slow");  // and nothing more
        break;
      case 2:
        send("GET / HTTP/1.1\r\nX: " + std::string(1 << 20, 'a'));
        break;
      case 3:
        send(post + "1073741824\r\n\r\n" + deep);
        break;
      case 4:
        send(post + std::to_string(deep.size()) + "\r\n\r\n" + deep);
        break;
      case 5:
        send(post + "12\r\n\r\n{\"name\":\"\xff\"}");
        break;
      case 6:
        send("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0");
        break;
      default:
        break;  // idle
    }
  }
}

void hostile() {
  const test::TempDir folder;
  const store::StoreLocation location{.url = "sqlite://" + folder.file("rruled.db")};
  const auto store = store::open_store(location, store::OpenMode::command);
  const auto filled = fill(*store, 100);
  const auto port = free_port();
  std::size_t refused = 0;
  Asking good(port, filled.token);
  {
    const BenchDaemon daemon(RRULED_BINARY,
                             "[store]\nurl = \"" + location.url +
                                 "\"\n[api]\nlisten = \"127.0.0.1:" + std::to_string(port) + "\"\n",
                             folder.file(""));
    const std::string path = "/api/projects/1/hog_flows/" + filled.flow + "/schedules/";
    // Every second, for half a minute.
    for (int i = 0; i < 20; ++i)
      good.ask("POST", path,
               R"({"rrule":"FREQ=SECONDLY;COUNT=30","starts_at":")" +
                   core::iso_microseconds(now() + std::chrono::seconds(2)) + "\"}",
               201);
    std::atomic<bool> stop = false;
    std::vector<std::thread> attackers;
    for (int i = 0; i < 2; ++i) attackers.emplace_back([&] { attack(port, filled.token, stop); });
    good.took.clear();
    const auto end = steady_clock::now() + std::chrono::seconds(30);
    while (steady_clock::now() < end) {
      good.hang_up();
      try {
        good.ask("GET", path + "?limit=10", "", 200);
      } catch (const std::exception& error) {
        if (++refused == 1) std::printf("\n%s\n", error.what());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    stop = true;
    for (auto& each : attackers) each.join();
  }
  std::vector<double> late;
  for (const auto& run : store->runs({.limit = 10'000}))
    if (run.started_at) late.push_back(static_cast<double>((*run.started_at - run.due_at).count()));
  std::printf(
      "\nSQLite, beside two clients that attack 800 times a second\n\n"
      "| for half a minute                            |  times |  p50 ms |  p99 ms |  max ms |\n"
      "|---|---|---|---|---|\n");
  print("good client, new connection each", good.took);
  std::printf("(%zu of them were not answered as they should)\n", refused);
  print("lateness of runs, 20 due each second", late);
}

void sqlite() {
  const test::TempDir folder;
  measure("SQLite, synchronous=FULL", {.url = "sqlite://" + folder.file("rruled.db")},
          folder.file(""), [] {});
}

void postgres() {
  if (const auto missing = testing::PostgresCluster::missing(); !missing.empty()) {
    std::printf("PostgreSQL is left out: %s\n", missing.c_str());
    return;
  }
  const testing::PostgresCluster cluster({});
  const test::TempDir folder;
  measure("PostgreSQL, synchronous_commit=on", {.url = cluster.url()}, folder.file(""),
          [&] { (void)cluster.sql("VACUUM ANALYZE"); });
}

}  // namespace
}  // namespace rruled::bench

int main(int argc, char** argv) {
  std::set<std::string> parts(argv + 1, argv + argc);
  if (parts.empty()) parts = {"sqlite", "postgres", "hostile"};
  try {
    if (parts.contains("sqlite")) rruled::bench::sqlite();
    if (parts.contains("postgres")) rruled::bench::postgres();
    if (parts.contains("hostile")) rruled::bench::hostile();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "api_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
