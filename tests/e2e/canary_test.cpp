// Secrets, put wherever there is a place for one, come out nowhere.
#include "tests/e2e/ops_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/datagram_socket.h"
#include "tests/support/loopback_receiver.h"

#include <stop_token>
#include <thread>

namespace rruled::test {
namespace {

// Distinct, so that a hit names its source.
constexpr const char* kSecrets[] = {"canary-bearer",   "canary-store-pw", "canary-listen-pw",
                                    "canary-url-pw",   "canary-otlp-pw",  "canary-wrong-token",
                                    "canary-env-file", "canary-cookie"};

void check_clean(const std::string& what, const std::string& text) {
  CAPTURE(what);
  for (const char* secret : kSecrets) {
    CAPTURE(secret);
    const auto at = text.find(secret);
    INFO((at == std::string::npos ? "" : text.substr(at < 200 ? 0 : at - 200, 400)));
    CHECK(at == std::string::npos);
  }
}

std::string said(const testing::ProcessResult& result) { return result.out + result.err; }

// A daemon that delivers to `receiver` with a token, its API asked with good and bad credentials;
// everything that it and the command line say.
void walk(const std::string& format) {
  LoopbackReceiver receiver;
  // The other side gives the token back.
  receiver.always_answer({.status = 500, .body = "you sent canary-bearer"});
  Installation here;
  const CertificateAuthority authority;
  const auto identity = authority.issue("IP:127.0.0.1");
  write_file(here.file("cert.pem"), identity.certificate);
  write_file(here.file("key.pem"), identity.key);
  write_file(here.file("token"), "canary-bearer\n");
  DatagramSocket journal(here.file("journal"));
  write_file(here.config(),
             "[store]\nurl = \"sqlite://" + here.store() +
                 "\"\n[log]\nlevel = \"trace\"\nformat = \"" + format + "\"\njournal_socket = \"" +
                 journal.path() + "\"\n[executors.default]\ntype = \"http\"\nurl = \"" +
                 receiver.url("/") + "\"\ntoken_file = \"" + here.file("token") +
                 "\"\n[api]\nlisten = \"unix:" + here.file("api.sock") +
                 "\"\ntls_certificate = \"" + here.file("cert.pem") + "\"\ntls_key = \"" +
                 here.file("key.pem") + "\"\n[metrics]\nper_schedule = 10\n");
  const auto id = here.add_schedule("FREQ=SECONDLY");
  const auto made = here.rruled({"token", "create", "--project", "1", "--scope", "write"});
  const std::string token = made.out.substr(0, made.out.find('\n'));
  REQUIRE(token.starts_with("rru_"));
  // A journal that is full loses lines.
  std::string entries;
  std::jthread reader([&](const std::stop_token& over) {
    while (!over.stop_requested()) {
      if (const auto entry = journal.take())
        entries += *entry;
      else
        std::this_thread::yield();
    }
  });
  testing::BackgroundProcess daemon(
      {"/bin/sh", "-c", "exec \"$0\" run --config \"$1\" 2>&1", RRULED_BINARY, here.config()},
      here.environment);
  REQUIRE(receiver.wait_for_requests(2));
  CHECK(receiver.requests().at(0).header("Authorization") == "Bearer canary-bearer");

  const auto ask = [&](const std::string& bearer, const std::string& path) {
    return curl({"--insecure", "--include", "--unix-socket", here.file("api.sock"), "-H",
                 "Authorization: Bearer " + bearer, "-H", "Cookie: canary-cookie",
                 "https://localhost" + path});
  };
  std::string answers;
  for (const char* path : {"/api/projects/1/runs/", "/api/projects/1/hog_flows/", "/metrics",
                           "/readyz?verbose", "/openapi.json", "/api/projects/9/runs/", "/none"})
    for (const auto& bearer : {token, std::string("canary-wrong-token"), token + "x"})
      answers += ask(bearer, path);
  const auto run = boost::json::serialize(here.runs().at(0).at("id"));
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"check-config"},
                                             {"check-config", "--explain"},
                                             {"doctor"},
                                             {"audit"},
                                             {"runs", "list"},
                                             {"runs", "show", run.substr(1, run.size() - 2)},
                                             {"token", "list"},
                                             {"schedule", "show", id},
                                             {"export"},
                                             {"healthcheck"}})
    answers += said(here.rruled(arguments));
  daemon.send_signal(SIGHUP);
  daemon.send_signal(SIGTERM);
  std::string log;
  for (std::string line; !(line = daemon.read_line(kPatience)).empty();) log += line + "\n";
  CHECK(daemon.wait() == 0);
  reader.request_stop();
  reader.join();
  log += entries;
  CHECK(log.find("attempt 1 failed") != std::string::npos);  // there is something to look at
  CHECK(answers.size() > 20'000);
  check_clean("log, " + format, log);
  check_clean("answers, " + format, answers);
  CHECK(log.find(token) == std::string::npos);
  CHECK(answers.find(token) == std::string::npos);
  const auto key = identity.key.substr(identity.key.find('\n') + 1, 60);
  CHECK((log + answers).find(key) == std::string::npos);
}

}  // namespace

TEST_CASE("no secret comes out of a daemon that works, in any format of its log") {
  for (const std::string format : {"text", "json", "journald"}) walk(format);
}

TEST_CASE("no secret comes out of what cannot work") {
  Installation here;
  std::string all;
  const auto run_all = [&] {
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"run"},
                                                                       {"check-config"},
                                                                       {"doctor"},
                                                                       {"migrate"},
                                                                       {"schedule", "list"},
                                                                       {"backup", here.file("b")}})
      if (arguments.front() != "run" || here.environment.count("RRULED_STORE_URL") == 0)
        all += said(here.rruled(arguments));
  };
  for (const auto& config : std::vector<std::string>{
           "[executors.default]\ntype = \"http\"\nurl = \"http://me:canary-url-pw@host/\"\n",
           "[executors.default]\ntype = \"http\"\nbase_url = \"http://me:canary-url-pw@host/\"\n",
           "[tracing]\notlp_url = \"http://me:canary-otlp-pw@host/\"\n",
           "[store]\nurl = \"mysql://me:canary-store-pw@host/\"\n",
           "[store]\nlisten_url = \"http://me:canary-listen-pw@host/\"\n",
           "[executors.default]\ntype = \"http\"\nurl = \"http://host/\"\ntoken_file = "
           "\"canary-bearer\"\n"}) {
    write_file(here.config(), config);
    run_all();
  }
  write_file(here.config(), "");
  for (const auto* url : {"postgresql://me:canary-store-pw@127.0.0.1:9/db",
                          "postgresql://127.0.0.1:9/db?password=canary-store-pw",
                          "postgresql://me:canary-store-pw@/?host=127.0.0.1&port=nine"}) {
    here.environment["RRULED_STORE_URL"] = url;
    here.environment["RRULED_STORE_LISTEN_URL"] = "postgresql://me:canary-listen-pw@127.0.0.1:9/";
    run_all();
  }
  here.environment.clear();
  write_file(here.file("url"), "postgresql://me:canary-env-file@127.0.0.1:9/db\n");
  here.environment["RRULED_STORE_URL_FILE"] = here.file("url");
  all += said(here.rruled({"doctor"}));
  CHECK(all.size() > 2'000);
  check_clean("errors", all);
}

}  // namespace rruled::test
