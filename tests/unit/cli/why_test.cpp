// What commands say of that which does not run.
#include "store/file_lock.h"
#include "tests/unit/cli/command_line.h"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <fstream>

namespace rruled::test {
namespace {

using Catch::Contains;

// A schedule of a flow that is active, and what it was asked for by.
class WhyTest : protected CommandLine {
 public:
  WhyTest() {
    std::ofstream(config_) << "[executors.default]\ntype = \"log\"\n";
    REQUIRE(rruled({"flow", "create", "--name", "Hello", "--trigger", "schedule"}).exit_code == 0);
    const auto made = schedule();
    REQUIRE(made.exit_code == 0);
    id_ = made.out.substr(0, 36);
  }

 protected:
  [[nodiscard]] Result schedule() const {
    return rruled({"schedule", "create", "--flow", "Hello", "--rrule", "FREQ=HOURLY", "--starts-at",
                   "2026-01-01T00:00:00Z"});
  }
  [[nodiscard]] std::string doctor() const { return rruled({"doctor", "--config", config_}).out; }
  void run_late(const std::string& executor) const {
    REQUIRE(rruled({"schedule", "run-now", id_}).exit_code == 0);
    sql("UPDATE runs SET due_at = 1000 * (SELECT count(*) FROM runs), executor = '" + executor +
        "' WHERE due_at > 1000000");
  }

  std::string config_ = file("here.toml");
  std::string id_;
};

}  // namespace

TEST_CASE_METHOD(WhyTest, "schedule show hid that the project is paused") {
  CHECK_THAT(rruled({"schedule", "show", id_}).out, !Contains("Nothing fires"));
  REQUIRE(rruled({"pause", "--all", "--project", "1", "--note", "freeze"}).exit_code == 0);
  CHECK_THAT(rruled({"schedule", "show", id_}).out,
             Contains("Nothing fires: project 1 is paused (freeze); `rruled resume --all --project "
                      "1` ends that.\n"));
  const auto shown = rruled({"schedule", "show", id_, "--format", "json"}).out;
  CHECK(boost::json::parse(shown).at("project_paused") == true);
}

TEST_CASE_METHOD(WhyTest, "commands did not say why a flow cannot fire") {
  const auto flow = boost::json::parse(rruled({"flow", "show", "Hello", "--format", "json"}).out)
                        .at("id")
                        .as_string();
  REQUIRE(rruled({"flow", "update", "Hello", "--status", "draft"}).exit_code == 0);
  const std::string why =
      "its flow is draft (rruled flow update " + std::string(flow.c_str()) + " --status active)";
  CHECK_THAT(schedule().out, Contains("active, nothing fires: " + why));
  CHECK_THAT(rruled({"schedule", "run-now", id_}).err, Contains("cannot fire: " + why));
  CHECK_THAT(rruled({"schedule", "explain", id_}).out, Contains(why));
  CHECK_THAT(rruled({"preview", "--schedule", id_}).out, Contains(why));
  CHECK_THAT(
      rruled({"schedule", "backfill", id_, "--from", "2026-01-01", "--to", "2026-01-02"}).err,
      Contains("cannot fire: " + why));
}

TEST_CASE_METHOD(WhyTest, "a command ran a schedule by hand that nobody could send") {
  std::ofstream(config_) << "[executors.default]\ntype = \"log\"\nprojects = [2]\n";
  const auto refused = rruled({"schedule", "run-now", id_, "--config", config_});
  CHECK(refused.exit_code == cli::kRefused);
  CHECK_THAT(refused.err, Contains("There is no executor \"default\" for this project."));
  CHECK(number("SELECT count(*) FROM runs") == 0);
}

TEST_CASE_METHOD(WhyTest, "a run by hand of a rule that cannot be used had the time of UTC") {
  sql("UPDATE schedules SET rrule = 'FREQ=NEVER', timezone = 'Etc/GMT-14', variables ="
      " '{\"local\":\"{{ scheduled_for_local | %H }}\",\"utc\":\"{{ scheduled_for | %H }}\"}'");
  REQUIRE(rruled({"schedule", "run-now", id_}).exit_code == 0);
  CHECK(number("SELECT (variables ->> 'local' + 24 - variables ->> 'utc') % 24 FROM runs") == 14);
}

TEST_CASE_METHOD(WhyTest, "doctor named executors of the first second alone, and one advice") {
  run_late("default");
  run_late("default");
  run_late("gone");
  CHECK_THAT(doctor(), Contains("[-] daemon: none runs\n    start the daemon (systemctl start "
                                "rruled, or rruled run)\n"));
  CHECK_THAT(doctor(), Contains("2 for default, 1 for gone (not in this configuration)\n    start "
                                "the daemon"));
  const auto daemon = store::open_sqlite(file(), store::OpenMode::daemon);
  CHECK_THAT(doctor(), !Contains("start the daemon"));
  CHECK_THAT(doctor(), Contains("[executors.NAME] for: gone; ") &&
                           Contains("raise executors.NAME.max_in_flight, for: default; "));
}

TEST_CASE_METHOD(WhyTest, "doctor asked whether a daemon runs that held the store") {
  sql("UPDATE schedules SET next_run_at = 1000, next_due_at = 1000");
  CHECK_THAT(doctor(), Contains("[-] overdue: 1 schedule late, ") &&
                           Contains("    start the daemon (systemctl start rruled, or rruled run); "
                                    "`rruled schedule list --overdue` names them"));
  const auto daemon = store::open_sqlite(file(), store::OpenMode::daemon);
  CHECK_THAT(doctor(), Contains("waits up to 10 s, or half its catchup_grace, before it becomes a "
                                "run: if that lasts, raise executors.NAME.max_in_flight"));
  CHECK_THAT(doctor(), !Contains("is a daemon running"));
}

}  // namespace rruled::test
