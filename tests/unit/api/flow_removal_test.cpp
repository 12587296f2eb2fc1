// Flows with a long history are deleted in steps (daemon/io/flow_removal.h).
#include "daemon/io/flow_removal.h"

#include "store/sqlite_connection.h"
#include "tests/support/hooked_store.h"
#include "tests/unit/api/api_home.h"

#include <sqlite3.h>

#include <functional>

namespace rruled::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr int kMany = 700;

store::FlowId id_of_flow(const std::string& text) {
  return store::parse_id<store::FlowId>(text).value();
}

// A flow with a schedule, `runs` runs that have ended with `lines` lines each, a gap, lines of no
// run, and one run that is being delivered.
struct PastFlow {
  PastFlow(ApiHome& home, int runs, int lines = 1)
      : flow(home.make_flow()), schedule(home.make_schedule(flow)) {
    auto& store = *home.backend().store;
    const auto row = *store.schedule(*store::parse_id<store::ScheduleId>(schedule));
    home.clock.at = std::max(home.clock.at, *row.next_due_at + 2h);
    const auto claimant =
        store.begin_session(store::OwnerId{store::random_uuid_v7(home.clock.at)}, home.clock.at)
            .claimant;
    store::Settlement settlement;
    settlement.schedule_id = row.id;
    settlement.version = row.version;
    settlement.next_run_at = *row.next_run_at;
    settlement.next_due_at = *row.next_due_at;
    for (int n = 0; n <= runs; ++n) {
      store::Run run;
      run.id = store::RunId{store::random_uuid_v7(home.clock.at)};
      run.flow_id = row.flow_id;
      run.schedule_id = row.id;
      run.scheduled_for = *row.next_run_at + n * 1s;
      run.due_at = run.created_at = *run.scheduled_for;
      if (n < runs) {
        run.status = store::RunStatus::skipped;
        run.finished_at = run.due_at;
      }
      for (int line = 0; line < lines; ++line)
        settlement.logs.push_back({row.flow_id, run.id, run.due_at, {}, "of the run"});
      settlement.logs.push_back({row.flow_id, {}, run.due_at, {}, "of no run"});
      settlement.runs.push_back(std::move(run));
    }
    settlement.runs.back().status = store::RunStatus::dispatching;
    settlement.gaps = {{row.id, store::GapReason::missed, *row.next_run_at, *row.next_run_at, 1}};
    settlement.settled_to = settlement.runs.back().scheduled_for;
    settlement.then_run_at = *row.next_run_at + 24h;
    settlement.then_due_at = *row.next_due_at + 24h;
    REQUIRE(store.settle({settlement}, claimant, home.clock.at).at(0).claimed.size() == 1);
  }
  [[nodiscard]] std::string path() const { return kFlows + flow; }

  std::string flow;
  std::string schedule;
};

std::size_t runs_of(ApiHome& home, const std::string& flow) {
  return home.backend().store->runs({.flow_id = id_of_flow(flow), .limit = 9'999}).size();
}

// Nothing names it any more.
void check_gone(ApiHome& home, const PastFlow& past) {
  auto& store = *home.backend().store;
  CHECK(home.ask("GET", past.path()).status == 404);
  CHECK(runs_of(home, past.flow) == 0);
  CHECK(store.logs({.flow_id = id_of_flow(past.flow), .limit = 9'999}).empty());
  const auto schedule = *store::parse_id<store::ScheduleId>(past.schedule);
  CHECK(store.gaps(schedule).empty());
  CHECK_FALSE(store.schedule(schedule));
}

// Of the flow and its schedule: "delete flow active" for each line, newest first.
std::vector<std::string> audit_of(ApiHome& home, const PastFlow& past) {
  std::vector<std::string> lines;
  for (const auto& id : {past.flow, past.schedule})
    for (const auto& line : home.backend().directory->audit({.object_id = id}, {}).rows) {
      if (line.action == "create") continue;
      const auto before = json::parse(line.before);
      lines.push_back(line.action + " " + line.kind + " " + ApiHome::text(before, "status") +
                      line.after);
    }
  return lines;
}

store::SqliteStore& file_of(ApiHome& home) {
  return dynamic_cast<store::SqliteStore&>(*home.backend().store);
}
sqlite3* handle_of(ApiHome& home) { return file_of(home).connection().database().getHandle(); }

std::int64_t rows_of(ApiHome& home, const std::string& table) {
  return file_of(home).connection().database().execAndGet("SELECT count(*) FROM " + table);
}

// Called after each commit of the store of this home, when its lock is free again.
class CommitWatch {
 public:
  CommitWatch(ApiHome& home, std::function<void(int)> seen)
      : database_(handle_of(home)), seen_(std::move(seen)) {
    sqlite3_wal_hook(database_, on_commit, this);
  }
  ~CommitWatch() { sqlite3_wal_hook(database_, nullptr, nullptr); }
  CommitWatch(const CommitWatch&) = delete;
  CommitWatch& operator=(const CommitWatch&) = delete;
  [[nodiscard]] int commits() const { return commits_; }

 private:
  static int on_commit(void* self, sqlite3*, const char*, int) {
    auto& watch = *static_cast<CommitWatch*>(self);
    ++watch.commits_;
    if (watch.seen_) watch.seen_(watch.commits_);
    return SQLITE_OK;
  }
  sqlite3* database_;
  std::function<void(int)> seen_;
  int commits_ = 0;
};

// Another program with the same file.
class OtherProgram {
 public:
  explicit OtherProgram(ApiHome& home) {
    REQUIRE(sqlite3_open(sqlite3_db_filename(handle_of(home), "main"), &database_) == SQLITE_OK);
  }
  ~OtherProgram() { sqlite3_close(database_); }
  OtherProgram(const OtherProgram&) = delete;
  OtherProgram& operator=(const OtherProgram&) = delete;
  // It does not wait for the lock.
  [[nodiscard]] bool run(const char* sql) {
    return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace

TEST_CASE("a flow with a long history is deleted whole, and the audit log says so once") {
  ApiHome home(either_store());
  const PastFlow past(home, kMany);
  const PastFlow other(home, 3);
  CHECK(home.ask("DELETE", past.path()).status == 204);
  check_gone(home, past);
  CHECK(runs_of(home, other.flow) == 4);
  CHECK(home.ask("GET", other.path()).status == 200);
  CHECK(audit_of(home, past) == std::vector<std::string>{"delete flow active"});
  CHECK(home.ask("DELETE", past.path()).status == 404);
}

TEST_CASE("a long history goes in steps between which others write, a short one at once") {
  ApiHome home(StoreKind::sqlite);
  const PastFlow past(home, kMany);
  const PastFlow talkative(home, 3, 1'000);
  const PastFlow brief(home, 3);
  OtherProgram other(home);
  int others = 0;
  {
    const CommitWatch watch(home, [&](int) { others += other.run("BEGIN IMMEDIATE; COMMIT"); });
    CHECK(home.ask("DELETE", past.path()).status == 204);
    CHECK(watch.commits() > kMany / 200);
    CHECK(others == watch.commits());
  }
  {
    const CommitWatch watch(home, {});
    CHECK(home.ask("DELETE", talkative.path()).status == 204);
    CHECK(watch.commits() > 3);
  }
  {
    const CommitWatch watch(home, {});
    CHECK(home.ask("DELETE", brief.path()).status == 204);
    CHECK(watch.commits() == 1);
  }
  check_gone(home, past);
  check_gone(home, talkative);
  check_gone(home, brief);
  for (const char* table : {"flows", "schedules", "runs", "attempts", "log_lines", "gaps"}) {
    INFO(table);
    CHECK(rows_of(home, table) == 0);
  }
  CHECK(std::int64_t{file_of(home).connection().database().execAndGet("SELECT runs FROM meta")} ==
        0);
}

TEST_CASE("a condition that does not hold keeps a long history whole") {
  ApiHome home(either_store());
  const PastFlow past(home, kMany);
  const auto before = home.json(200, "GET", past.path());
  CHECK(home.ask("DELETE", past.path(), "", {.headers = {{"If-Match", "\"x\""}}}).status == 412);
  CHECK(home.json(200, "GET", past.path()) == before);
  CHECK(home.ask("GET", past.path() + "/schedules/" + past.schedule).status == 200);
  CHECK(runs_of(home, past.flow) == kMany + 1);
  CHECK(audit_of(home, past).empty());
  const auto tag = header(home.ask("GET", past.path()), "ETag");
  CHECK(home.ask("DELETE", past.path(), "", {.headers = {{"If-Match", tag}}}).status == 204);
  check_gone(home, past);
}

TEST_CASE("a deletion that was broken off leaves an archived flow, and the next one finishes it") {
  ApiHome home(StoreKind::sqlite);
  const PastFlow past(home, kMany);
  OtherProgram other(home);
  sqlite3_busy_timeout(handle_of(home), 0);
  {
    // After the decision and two batches somebody else holds the lock.
    const CommitWatch watch(home, [&](int commit) {
      if (commit == 3) REQUIRE(other.run("BEGIN IMMEDIATE"));
    });
    const auto refused = home.ask("DELETE", past.path());
    CHECK(refused.status == 503);
    CHECK_FALSE(header(refused, "Retry-After").empty());
  }
  REQUIRE(other.run("ROLLBACK"));
  CHECK(home.json(200, "GET", past.path()).at("status") == "archived");
  CHECK(home.json(200, "GET", past.path() + "/schedules").at("count") == 0);
  const auto left = runs_of(home, past.flow);
  CHECK(left > 1);
  CHECK(left < kMany);
  CHECK(audit_of(home, past) == std::vector<std::string>{"delete flow active"});

  CHECK(home.ask("DELETE", past.path()).status == 204);
  check_gone(home, past);
}

// Its schedules would go with it, and nobody would know.
TEST_CASE("a flow that is taken up again while it is removed stays") {
  ApiHome home(StoreKind::sqlite);
  const PastFlow first(home, kMany);
  int commits = 0;
  {
    const CommitWatch watch(home, {});
    CHECK(home.ask("DELETE", first.path()).status == 204);
    commits = watch.commits();
  }
  // In the middle, and just before the flow itself goes.
  const int at = GENERATE(2, 0);
  const PastFlow past(home, kMany);
  {
    OtherProgram other(home);
    const CommitWatch watch(home, [&](int commit) {
      if (commit == (at > 0 ? at : commits - 1))
        REQUIRE(other.run("UPDATE flows SET status = 'active'"));
    });
    CHECK(home.ask("DELETE", past.path()).status == 409);
  }
  CHECK(home.json(200, "GET", past.path()).at("status") == "active");
  CHECK((runs_of(home, past.flow) > 200) == (at > 0));
}

TEST_CASE("many short histories do not go in one transaction") {
  ApiHome home(either_store());
  std::vector<store::Flow> flows;
  // With 240 lines each.
  for (int n = 0; n < 5; ++n)
    flows.push_back(*home.backend().store->flow(id_of_flow(PastFlow(home, 120).flow)));
  flows.push_back(*home.backend().store->flow(id_of_flow(home.make_flow())));
  const auto removal = io::plan_removal(*home.backend().store, std::move(flows));
  CHECK(removal.at_once.size() == 5);
  CHECK(removal.in_steps.size() == 1);
}

TEST_CASE("many archived flows are deleted whatever the length of their histories") {
  ApiHome home(either_store());
  const PastFlow past(home, kMany);
  const PastFlow brief(home, 3);
  const PastFlow active(home, 3);
  for (const auto* each : {&past, &brief})
    (void)home.json(200, "PATCH", each->path(), R"({"status":"archived"})");
  const json::array ids{json::string(past.flow), json::string(brief.flow),
                        json::string(active.flow)};
  CHECK(home.json(200, "POST", kFlows + "bulk_delete/", json::serialize(json::object{{"ids", ids}}))
            .at("deleted") == 2);
  check_gone(home, past);
  check_gone(home, brief);
  CHECK(runs_of(home, active.flow) == 4);
  CHECK(audit_of(home, past).at(0) == "delete flow archived");
  CHECK(audit_of(home, brief).at(0) == "delete flow archived");
}

// There are two threads for all requests.
TEST_CASE("one long history is deleted at a time") {
  ApiHome home(either_store());
  const PastFlow past(home, kMany);
  const PastFlow brief(home, 3);
  {
    const std::lock_guard busy(home.long_work().turn);
    CHECK(home.ask("DELETE", past.path()).status == 503);
    CHECK(home.json(200, "GET", past.path()).at("status") == "active");
    CHECK(runs_of(home, past.flow) == kMany + 1);
    CHECK(home.ask("DELETE", brief.path()).status == 204);
  }
  CHECK(home.ask("DELETE", past.path()).status == 204);
  check_gone(home, past);
}

TEST_CASE("a deletion is decided about what was read, or planned again") {
  // Shows a schedule that was deleted just now.
  class LateStore final : public HookedStore {
   public:
    explicit LateStore(store::Store& inner) : HookedStore(inner, [](When, int) {}) {}
    std::vector<store::Schedule> schedules(const store::ScheduleQuery& query) override {
      auto rows = HookedStore::schedules(query);
      rows.push_back(rows.at(0));
      rows.back().id = store::ScheduleId{store::random_uuid_v7(store::Timestamp{})};
      return rows;
    }
  };
  ApiHome home(either_store());
  const PastFlow past(home, kMany);
  auto& store = *home.backend().store;
  const auto read = *store.flow(id_of_flow(past.flow));
  const auto begin = [&](store::Store& rows, const store::Flow& flow) {
    const auto removal = io::plan_removal(rows, {flow});
    REQUIRE(removal.in_steps.size() == 1);
    const auto conflict = io::begin_removal(rows, removal, "somebody", home.clock.at);
    return conflict ? std::optional(conflict->kind) : std::nullopt;
  };
  LateStore late(store);
  CHECK(begin(late, read) == store::Conflict::Kind::changed);
  (void)home.json(200, "PATCH", past.path(), R"({"description":"n"})");
  CHECK(begin(store, read) == store::Conflict::Kind::changed);
  CHECK(home.json(200, "GET", past.path()).at("status") == "active");
  CHECK(home.ask("GET", past.path() + "/schedules/" + past.schedule).status == 200);
  CHECK_FALSE(begin(store, *store.flow(read.id)));
}

TEST_CASE("a short history goes with the flow that was read, or the flow is read again") {
  ApiHome home(either_store());
  const PastFlow brief(home, 3);
  auto& store = *home.backend().store;
  const auto begin = [&](const store::Flow& flow) {
    const auto removal = io::plan_removal(store, {flow});
    REQUIRE(removal.at_once.size() == 1);
    const auto conflict = io::begin_removal(store, removal, "somebody", home.clock.at);
    return conflict ? std::optional(conflict->kind) : std::nullopt;
  };
  const auto read = *store.flow(id_of_flow(brief.flow));
  (void)home.json(200, "PATCH", brief.path(), R"({"description":"n"})");
  CHECK(begin(read) == store::Conflict::Kind::changed);
  CHECK(home.json(200, "GET", brief.path()).at("description") == "n");
  CHECK_FALSE(begin(*store.flow(read.id)));
  check_gone(home, brief);
}

// Between the last look at it and its end.
TEST_CASE("a flow that is taken up again in the last moment stays") {
  ApiHome home(either_store());
  const PastFlow past(home, kMany);
  const bool by_schedule = GENERATE(false, true);
  auto& store = *home.backend().store;
  const auto id = id_of_flow(past.flow);
  const auto removal = io::plan_removal(store, {*store.flow(id)});
  REQUIRE_FALSE(io::begin_removal(store, removal, "somebody", home.clock.at));
  CrowdedStore crowded(store, [&](int) {
    if (by_schedule)
      (void)home.make_schedule(past.flow);
    else
      (void)home.json(200, "PATCH", past.path(), R"({"status":"active"})");
  });
  const auto end = io::finish_removal(crowded, removal, home.clock.at);
  CHECK(end.is_whole);
  CHECK(end.kept == std::vector{id});
  CHECK(home.json(200, "GET", past.path()).at("status") == (by_schedule ? "archived" : "active"));
}

TEST_CASE("a daemon that stops does not wait for a long history") {
  ApiHome home(either_store());
  const PastFlow past(home, kMany);
  home.stop();
  const auto refused = home.ask("DELETE", past.path());
  CHECK(refused.status == 503);
  CHECK(refused.body.find("archived: delete it again") != std::string::npos);
  CHECK(home.json(200, "GET", past.path()).at("status") == "archived");
  CHECK(runs_of(home, past.flow) == kMany + 1);
}

}  // namespace rruled::test
