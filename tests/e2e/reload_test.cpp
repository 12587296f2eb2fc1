// SIGHUP: the whole configuration, while the daemon works.
#include "tests/e2e/ops_fixture.h"
#include "tests/support/loopback_receiver.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>

namespace rruled::test {
namespace {

using Catch::Contains;

std::string executor(const std::string& name,
                     const std::string& url,
                     const std::string& more = "") {
  return "[executors." + name + "]\ntype = \"http\"\nurl = \"" + url + "\"\n" + more;
}

// Writes another configuration with the same store, and has it read.
void reload(const Installation& here,
            Serving& serving,
            const std::string& config,
            const std::string& until) {
  write_file(here.config(), "[store]\nurl = \"sqlite://" + here.store() + "\"\n" + config);
  serving.daemon.send_signal(SIGHUP);
  const auto line = serving.daemon.read_until(until, kPatience);
  REQUIRE(!line.empty());
}

constexpr char kApi[] = "[api]\nlisten = \"127.0.0.1:0\"\nauth = \"none\"\n";

std::string metric(const Serving& serving, const std::string& name) {
  const auto text = curl({"http://" + serving.address + "/metrics"});
  const auto at = text.find("\n" + name + " ");
  if (at == std::string::npos) return "";
  const auto begin = at + name.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

// A client that keeps one connection and asks again and again.
class KeepAlive {
 public:
  explicit KeepAlive(const std::string& address) {
    const std::string script =
        "import http.client, sys\n"
        "c = http.client.HTTPConnection('" +
        address +
        "', timeout=20)\n"
        "c.connect(); s = c.sock; n = 0\n"
        "for line in sys.stdin:\n"
        "    c.request('GET', '/livez'); r = c.getresponse(); r.read(); n += 1\n"
        "    print(r.status, c.sock is s, n, flush=True)\n";
    client_.emplace(std::vector<std::string>{"/usr/bin/python3", "-c", script});
  }
  // "200 True N": answered, on the same connection.
  std::string ask() {
    client_->write("\n");
    return client_->read_line(kPatience);
  }

 private:
  std::optional<testing::BackgroundProcess> client_;
};

}  // namespace

TEST_CASE("executors, limits and the log level change; a delivery under way ends where it began") {
  LoopbackReceiver old_one;
  LoopbackReceiver new_one;
  old_one.answer({.held = true});
  const Installation here(kApi + executor("default", old_one.url("/old")));
  Serving serving(here);
  here.add_schedule("FREQ=SECONDLY");
  REQUIRE(old_one.wait_for_requests(1));
  reload(here, serving,
         kApi + executor("default", new_one.url("/new")) + "[limits]\nmin_interval = \"1h\"\n" +
             "[log]\nlevel = \"debug\"\n",
         "configuration read again, executors: default");
  REQUIRE(new_one.wait_for_requests(2));
  const auto sent_to_old = old_one.requests().size();
  old_one.release();
  CHECK(!serving.daemon.read_until("the store answered a", kPatience).empty());  // debug
  CHECK(old_one.requests().size() == sent_to_old);
  // What the API demands of schedules has changed, too.
  const std::string base = "http://" + serving.address + "/api/projects/1/hog_flows/";
  const auto flows = boost::json::parse(curl({base}));
  const std::string flow(flows.at("results").as_array().at(0).at("id").as_string());
  CHECK_THAT(curl({"-H", "Content-Type: application/json", "-d",
                   R"({"rrule":"FREQ=MINUTELY","starts_at":"2030-01-01T00:00:00Z"})",
                   base + flow + "/schedules/"}),
             Contains("Schedules must run at most once per 1h"));
  CHECK(metric(serving, "rruled_config_reloads_total{result=\"taken\"}") == "1");
  CHECK(serving.stop() == 0);
  std::set<std::string> keys;
  std::size_t sent = 0;
  for (const auto* receiver : {&old_one, &new_one})
    for (const auto& request : receiver->requests()) {
      keys.insert(*request.header("Idempotency-Key"));
      ++sent;
    }
  CHECK(keys.size() == sent);  // none twice
  for (const auto& run : here.runs()) CHECK(run.at("status") == "completed");
}

TEST_CASE("a configuration with a mistake is refused whole, and told in log, metric and readyz") {
  LoopbackReceiver receiver;
  const Installation here(kApi + executor("default", receiver.url("/")));
  Serving serving(here);
  reload(here, serving,
         kApi + std::string("[executors.default]\ntype = \"log\"\n[log]\nlevel = \"loud\"\n"),
         "reload refused, nothing of it is taken: ");
  CHECK(metric(serving, "rruled_config_reloads_total{result=\"refused\"}") == "1");
  const std::string url = "http://" + serving.address + "/readyz";
  CHECK_THAT(curl({url}), Contains("\"status\":\"ok\"") && Contains("log.level: must be one of"));
  CHECK_THAT(curl({url + "?verbose"}),
             Contains("[!]configuration the last reload was refused: " + here.config() + ":9"));
  // Named files count as well.
  reload(here, serving,
         kApi + executor("default", receiver.url("/"), "token_file = \"/nowhere\"\n"),
         "executors.default.token_file");
  reload(here, serving, "apply = \"/nowhere\"\n" + executor("default", receiver.url("/")),
         "store.apply: there is no readable file");
  reload(here, serving,
         kApi + executor("default", receiver.url("/")) + "[tzdata]\ndirectory = \"/usr/share\"\n",
         "tzdata.directory: no time zone can be read from /usr/share");
  here.add_schedule("FREQ=SECONDLY");
  CHECK(receiver.wait_for_requests(1));  // by the executor of before
  reload(here, serving, kApi + executor("default", receiver.url("/")), "configuration read again");
  CHECK_THAT(curl({url + "?verbose"}), Contains("[+]configuration ok"));
  CHECK(serving.stop() == 0);
}

TEST_CASE("what needs a restart is named when it differs") {
  const Installation here(kApi);
  Serving serving(here);
  reload(here, serving,
         "[api]\nlisten = \"127.0.0.1:1\"\nauth = \"none\"\n[log]\nformat = \"json\"\n",
         "restart to take them now: api.listen, log.format");
  CHECK_THAT(curl({"http://" + serving.address + "/livez"}), Contains("ok"));
  CHECK(serving.stop() == 0);
}

TEST_CASE("what needs a restart was compared with the last reload, not with what runs") {
  const Installation here(kApi);
  Serving serving(here);
  const std::string other = "[api]\nlisten = \"127.0.0.1:1\"\nauth = \"none\"\n";
  for (int again = 0; again < 2; ++again) {
    reload(here, serving, other, "restart to take them now: api.listen");
    CHECK(!serving.daemon.read_until("configuration read again", kPatience).empty());
  }
  write_file(here.config(), "[store]\nurl = \"sqlite://" + here.store() + "\"\n" + kApi);
  serving.daemon.send_signal(SIGHUP);
  std::string line;
  while (line.find("configuration read again") == std::string::npos) {
    line = serving.daemon.read_line(kPatience);
    REQUIRE(!line.empty());
    CHECK_THAT(line, !Contains("restart to take them now"));
  }
  CHECK(serving.stop() == 0);
}

TEST_CASE("a dry run that is reloaded is still a dry run") {
  LoopbackReceiver receiver;
  const Installation here(executor("default", receiver.url("/before")));
  here.add_schedule("FREQ=SECONDLY");
  testing::BackgroundProcess daemon(here.daemon({"--dry-run"}), here.environment);
  REQUIRE(!daemon.read_until("would POST " + receiver.url("/before"), kPatience).empty());
  write_file(here.config(), "[store]\nurl = \"sqlite://" + here.store() + "\"\n" +
                                executor("default", receiver.url("/after")));
  daemon.send_signal(SIGHUP);
  CHECK(!daemon.read_until("would POST " + receiver.url("/after"), kPatience).empty());
  daemon.send_signal(SIGTERM);
  CHECK(daemon.wait() == 0);
  CHECK(receiver.connections() == 0);
}

TEST_CASE("told to stop while it reads its configuration, the daemon does not wait for that") {
  const Installation here(kApi);
  Serving serving(here);
  REQUIRE(std::filesystem::remove(here.config()));
  REQUIRE(::mkfifo(here.config().c_str(), 0600) == 0);  // reading it waits for a writer
  serving.daemon.send_signal(SIGHUP);
  CHECK(!serving.daemon.read_until("time zones read again", kPatience).empty());
  serving.daemon.send_signal(SIGTERM);
  CHECK(!serving.daemon.read_until("stopping", kPatience).empty());
  CHECK(!serving.daemon.read_until("still being read: ending without it", kPatience).empty());
  CHECK(serving.daemon.wait() == 0);
}

TEST_CASE("SIGUSR1 turns debug lines on and off") {
  const Installation here(kApi);
  here.add_schedule("FREQ=SECONDLY");  // gives it something to say
  Serving serving(here);
  serving.daemon.send_signal(SIGUSR1);
  CHECK(!serving.daemon.read_until("debug lines on", kPatience).empty());
  CHECK(!serving.daemon.read_until("the store answered a", kPatience).empty());
  serving.daemon.send_signal(SIGUSR1);
  CHECK(!serving.daemon.read_until("debug lines off", kPatience).empty());
  CHECK(serving.stop() == 0);
}

TEST_CASE("reloads under load: none lost, none twice, no connection dropped") {
  constexpr int kSchedules = 20;
  constexpr int kReloads = 40;
  LoopbackReceiver receiver;
  const std::string config =
      kApi + executor("default", receiver.url("/")) + executor("other", receiver.url("/other"));
  const Installation here(config);
  std::string schedules;
  for (int i = 1; i < kSchedules; ++i)
    schedules += R"(,{"rrule":"FREQ=SECONDLY","starts_at":"now","executor":")" +
                 std::string(i % 2 == 0 ? "default" : "other") + R"("})";
  here.add_schedule("FREQ=SECONDLY");
  const auto file = std::string(R"({"flows":[{"project_id":1,"name":"more","status":"active",)") +
                    R"("trigger":{"type":"schedule"},"schedules":[)" + schedules.substr(1) + "]}]}";
  REQUIRE(here.rruled({"import", "-"}, file).exit_code == 0);
  Serving serving(here);
  KeepAlive client(serving.address);
  CHECK(client.ask() == "200 True 1");
  REQUIRE(receiver.wait_for_requests(kSchedules));
  for (int i = 1; i <= kReloads; ++i) {
    // Every other time with one executor less for a moment, and it comes back.
    const bool less = i % 4 == 1;
    write_file(here.config(), "[store]\nurl = \"sqlite://" + here.store() + "\"\n" +
                                  (less ? kApi + executor("default", receiver.url("/")) : config));
    serving.daemon.send_signal(SIGHUP);
    REQUIRE(!serving.daemon.read_until("configuration read again", kPatience).empty());
    CHECK(client.ask() == "200 True " + std::to_string(i + 1));
  }
  const auto before = receiver.requests().size();
  REQUIRE(receiver.wait_for_requests(before + 2 * kSchedules));
  CHECK(metric(serving, "rruled_config_reloads_total{result=\"taken\"}") ==
        std::to_string(kReloads));
  CHECK(serving.stop() == 0);

  std::map<std::string, int> received;
  for (const auto& request : receiver.requests()) ++received[*request.header("Idempotency-Key")];
  for (const auto& [key, times] : received) CHECK(times == 1);
  // Of each schedule every second from its first run to its last one.
  std::map<std::string, std::set<std::string>> fired;
  for (const auto& run : here.runs()) {
    const std::string status(run.at("status").as_string());
    CHECK((status == "completed" || status == "pending"));  // the last ones, handed back
    CHECK(run.at("attempts").to_number<int>() <= 1);
    fired[std::string(run.at("schedule").as_string())].insert(
        std::string(run.at("scheduled_for").as_string()));
  }
  CHECK(fired.size() >= kSchedules);
  for (const auto& [schedule, times] : fired) {
    const auto seconds = [](const std::string& text) {
      return std::stoi(text.substr(14, 2)) * 60 + std::stoi(text.substr(17, 2));
    };
    const int span = (seconds(*times.rbegin()) - seconds(*times.begin()) + 3'600) % 3'600;
    CAPTURE(schedule, *times.begin(), *times.rbegin());
    CHECK(static_cast<int>(times.size()) == span + 1);
  }
}

}  // namespace rruled::test
