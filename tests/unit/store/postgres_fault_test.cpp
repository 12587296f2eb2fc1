// Connections that break, servers that restart, claims that lapse.
#include "postgres_fixture.h"
#include "sample.h"
#include "store/run_desk.h"

#include <catch2/catch.hpp>

#include <functional>
#include <future>

namespace rruled::test {
namespace {

using Kind = StoreError::Kind;
using testing::PostgresCluster;

constexpr char kUnavailable[] = "unavailable";

// What became of a call.
std::string outcome_of(const std::function<void()>& call) {
  try {
    call();
    return "done";
  } catch (const StoreError& error) {
    return error.kind() == Kind::unavailable ? kUnavailable : error.what();
  }
}

// Ends every backend that waits so, once there is one; returns how many it ended.
int terminate_waiting(const PostgresCluster& cluster, const std::string& wait_event) {
  const auto end =
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
      " WHERE application_name = 'rruled' AND wait_event = '" +
      wait_event + "'";
  for (int asked = 0; asked < 500; ++asked)
    if (const int ended = std::stoi(cluster.sql(end)); ended > 0) return ended;
  return 0;
}

PostgresOptions caller_options() {
  PostgresOptions options;
  options.clock = PostgresOptions::Clock::caller;
  return options;
}

Settlement first_settlement(RunStatus status = RunStatus::dispatching) {
  return a_settlement(a_schedule(), {a_run(a_schedule(), kStart, status)}, nominal(60));
}

}  // namespace

TEST_CASE("what was planned by a clock that ran ahead is not settled", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  auto options = schema.options();
  options.clock = PostgresOptions::Clock::database;
  const auto store = open_postgres(schema.url(), OpenMode::daemon, options);
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto server = *store->clock();
  const auto early = store->settle({first_settlement()}, claimant, server + 10min).at(0);
  CHECK(early.kind == SettleResult::Kind::not_yet);
  CHECK(early.remaining > 0ms);
  CHECK(store->runs({}).empty());
  const auto right = store->settle({first_settlement()}, claimant, *store->clock()).at(0);
  CHECK(right.kind == SettleResult::Kind::settled);
}

TEST_CASE("a claimant whose claim lapsed changes nothing", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  auto options = schema.options();
  options.clock = PostgresOptions::Clock::database;
  options.claim_ttl = 20ms;
  const auto one = open_postgres(schema.url(), OpenMode::daemon, options);
  const auto other = open_postgres(schema.url(), OpenMode::daemon, options);
  REQUIRE_FALSE(one->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto session = one->begin_session(id_of<OwnerId>(1), at(0));
  CHECK(session.claim_ttl == 20ms);
  const auto first = session.claimant;
  const auto second = other->begin_session(id_of<OwnerId>(2), at(0)).claimant;
  // The database's clock says what is due: the caller's says it is not yet.
  const auto before = *one->clock();
  const auto run = one->settle({first_settlement()}, first, Timestamp{}).at(0).claimed.at(0);
  const auto lapses = before + 20ms;

  std::size_t recovered = 0;
  while (recovered == 0) {
    const auto asked = *other->clock();
    recovered = other->recover(10, at(0));
    // Not before its time.
    if (recovered > 0) CHECK(*other->clock() >= lapses);
    REQUIRE(asked < lapses + 10s);
  }
  CHECK(recovered == 1);
  const auto again = other->claim({second, {"default"}}, at(0)).runs.at(0);
  CHECK(again.id == run.id);
  CHECK(again.fence > run.fence);
  const auto seen = show(one->run(run.id));
  for (const auto status : {RunStatus::completed, RunStatus::retrying, RunStatus::failed})
    CHECK_FALSE(one->finish({a_finish(run, status, at(1))}, first, at(1)).at(0).written);
  one->hand_back({{run.id, run.fence}}, first);
  CHECK(one->extend(first, at(1)).empty());
  CHECK(one->held(first).empty());
  CHECK(show(one->run(run.id)) == seen);
  CHECK(other->finish({a_finish(again, RunStatus::completed, at(1))}, second, at(1)).at(0).written);
}

TEST_CASE("the same owner with an older fence changes nothing", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  REQUIRE_FALSE(store->write({.flows = {{a_flow(), {}}}, .runs = {a_manual_run(1)}}, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto stale = store->claim({claimant, {"default"}}, at(1)).runs.at(0);
  CHECK(store->recover(10, at(61)) == 1);
  const auto run = store->claim({claimant, {"default"}}, at(62)).runs.at(0);
  CHECK_FALSE(
      store->finish({a_finish(stale, RunStatus::failed, at(63))}, claimant, at(63)).at(0).written);
  store->hand_back({{stale.id, stale.fence}}, claimant);
  CHECK(store->run(run.id)->status == RunStatus::dispatching);
}

TEST_CASE("a backend that is ended under a call, and one that is idle", "[postgres]") {
  if (no_postgres()) return;
  auto& cluster = testing::shared_postgres();
  const PostgresSchema schema;
  const auto store = schema.open();
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto before = dump(*store);

  schema.sql("BEGIN; UPDATE meta SET revision = revision");
  auto call = std::async(std::launch::async, [&] {
    return outcome_of([&] { (void)store->write(put(a_flow(2)), at(0)); });
  });
  CHECK(terminate_waiting(cluster, "transactionid") == 1);
  CHECK(call.get() == kUnavailable);
  schema.sql("COMMIT");
  CHECK(dump(*store) == before);
  // While nothing is going on, nothing is lost: the next call does not notice.
  CHECK(schema.sql("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
                   " WHERE application_name = 'rruled'") == "1");
  CHECK(store->settle({first_settlement()}, claimant, at(1)).at(0).claimed.size() == 1);
}

TEST_CASE("daemons and executors of a time to come were there until then", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  const auto desk = store->run_desk();
  const auto ahead = at(0) + std::chrono::days(30);
  (void)store->begin_session(id_of<OwnerId>(1), ahead);
  (void)desk->expire_runs({.own = LookedAfter{{"old"}, {}}}, ahead);
  const std::string latest =
      "SELECT greatest((SELECT max(seen_at) FROM daemons),"
      " (SELECT max(seen_at) FROM served_executors))";
  CHECK(schema.sql(latest) == std::to_string(ahead.time_since_epoch().count()));
  (void)desk->correct_waits({"default"}, at(10));
  CHECK(schema.sql(latest) == std::to_string(at(10).time_since_epoch().count()));
  CHECK(store->begin_session(id_of<OwnerId>(2), at(11)).high_water == at(10));
}

// It may have others of the same numbers.
TEST_CASE("changes of another server were passed over up to the number of the one before",
          "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  auto changes = put(a_flow());
  changes.runs = {a_manual_run(1)};
  REQUIRE_FALSE(store->write(changes, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  REQUIRE(store->claim({claimant, {"default"}}, at(1)).runs.size() == 1);
  REQUIRE(store->run_desk()->ask_to_cancel(run_id(1), "wished", at(2)));
  const auto seen = store->changes_since(0).revision;
  CHECK_FALSE(store->changes_since(seen).many);
  schema.sql(
      "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
      " WHERE application_name = 'rruled'");
  const auto anew = store->changes_since(seen);
  CHECK(anew.many);
  CHECK(anew.revision == seen);
  CHECK(anew.runs_added);
  CHECK(anew.to_cancel == std::vector{run_id(1)});
  CHECK_FALSE(store->changes_since(seen).many);
}

TEST_CASE("another server between the start of a daemon and its first look was not noticed",
          "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  REQUIRE_FALSE(store->write(put(a_flow()), at(0)));
  const auto seen = store->begin_session(id_of<OwnerId>(1), at(0)).revision;
  REQUIRE(seen > 0);
  schema.sql(
      "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
      " WHERE application_name = 'rruled'");
  CHECK(store->changes_since(seen).many);
  CHECK_FALSE(store->changes_since(seen).many);
}

TEST_CASE("a settlement that is ended half way leaves nothing", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto settlement = first_settlement();
  const auto before = show(store->schedule(schedule_id(1)));
  // Somebody inserts the same run, and does not come to an end: the settlement waits for that.
  REQUIRE_FALSE(store->write({.runs = {a_manual_run(1)}}, at(0)));
  schema.sql("BEGIN; UPDATE runs SET id = '" + to_string(settlement.runs.at(0).id) +
             "' WHERE id = '" + to_string(run_id(1)) + "'");
  auto call = std::async(std::launch::async, [&] {
    return outcome_of([&] { (void)store->settle({settlement}, claimant, at(1)); });
  });
  CHECK(terminate_waiting(testing::shared_postgres(), "transactionid") == 1);
  CHECK(call.get() == kUnavailable);
  schema.sql("ROLLBACK");
  schema.sql("DELETE FROM runs");
  CHECK(show(store->schedule(schedule_id(1))) == before);
  CHECK(store->settle({settlement}, claimant, at(1)).at(0).claimed.size() == 1);
}

TEST_CASE("a commit in doubt: made, and its answer lost", "[postgres]") {
  if (no_postgres()) return;
  PostgresCluster cluster(
      {.fsync = false,
       .settings = "synchronous_standby_names = 'nobody'\nsynchronous_commit = local\n"});
  const auto store = open_postgres(cluster.url(), OpenMode::daemon, caller_options());
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  // Here a commit waits for a standby that does not exist, with its rows committed already.
  const auto waiting =
      open_postgres(cluster.url() + (cluster.url().find('?') == std::string::npos ? '?' : '&') +
                        "options=-c%20synchronous_commit%3Don",
                    OpenMode::command, caller_options());
  const auto in_doubt = [&](const std::function<void()>& work) {
    auto call = std::async(std::launch::async, [&] { return outcome_of(work); });
    CHECK(terminate_waiting(cluster, "SyncRep") == 1);
    CHECK(call.get() == kUnavailable);
  };
  in_doubt([&] { (void)waiting->settle({first_settlement()}, claimant, at(1)); });
  const auto held = store->held(claimant);
  REQUIRE(held.size() == 1);
  // Made again, it finds that somebody was there: nothing doubles.
  CHECK(store->settle({first_settlement()}, claimant, at(1)).at(0).kind ==
        SettleResult::Kind::moved);
  CHECK(store->runs({}).size() == 1);

  const auto end = a_finish(held[0], RunStatus::completed, at(2));
  in_doubt([&] { (void)waiting->finish({end}, claimant, at(2)); });
  CHECK(store->run(held[0].id)->status == RunStatus::completed);
  const auto before = dump(*store);
  CHECK(store->finish({end}, claimant, at(2)).at(0).written);
  CHECK(dump(*store) == before);

  REQUIRE_FALSE(store->write({.runs = {a_manual_run(1)}}, at(3)));
  in_doubt([&] { (void)waiting->claim({claimant, {"default"}}, at(3)); });
  CHECK(store->held(claimant).size() == 1);
  CHECK(store->claim({claimant, {"default"}}, at(3)).runs.empty());
}

TEST_CASE("a server that crashes, and one that takes over", "[postgres]") {
  if (no_postgres()) return;
  PostgresCluster primary({.fsync = false, .settings = ""});
  const auto standby = primary.make_standby();
  const auto store = open_postgres(
      "postgresql://postgres@" + primary.address() + "," + standby->address() + "/postgres",
      OpenMode::daemon, caller_options());
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store->begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto run = store->settle({first_settlement()}, claimant, at(1)).at(0).claimed.at(0);
  primary.restart(PostgresCluster::Stop::immediate);
  CHECK(store->held(claimant).size() == 1);

  // A reader is content with the standby; it shows what was written a moment ago.
  const auto written = primary.sql("SELECT pg_current_wal_lsn()");
  const auto replayed = "SELECT pg_last_wal_replay_lsn() >= '" + written + "'";
  for (int asked = 0; standby->sql(replayed) != "t"; ++asked) REQUIRE(asked < 500);
  const auto reader = open_postgres(standby->url(), OpenMode::read_only, caller_options());
  CHECK(dump(*reader) == dump(*store));

  primary.stop(PostgresCluster::Stop::immediate);
  // No server can be written: nothing is settled, and that is said.
  CHECK(outcome_of([&] { (void)store->held(claimant); }) == kUnavailable);
  standby->promote();
  CHECK(store->held(claimant).size() == 1);
  CHECK(store->finish({a_finish(run, RunStatus::completed, at(2))}, claimant, at(2)).at(0).written);
  CHECK(store->settle({first_settlement()}, claimant, at(3)).at(0).kind ==
        SettleResult::Kind::moved);
}

TEST_CASE("what the server refuses, and what it means", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const auto store = schema.open();
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto kind_of = [&] {
    try {
      (void)store->write(put(a_flow(2)), at(0));
    } catch (const StoreError& error) {
      return std::optional(error.kind());
    }
    return std::optional<Kind>();
  };
  const auto fail_with = [&](const std::string& sqlstate) {
    schema.sql(
        "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'no' USING ERRCODE = '" +
        sqlstate +
        "'; END $$;"
        "DROP TRIGGER IF EXISTS fail ON flows; CREATE TRIGGER fail BEFORE INSERT ON flows"
        " FOR EACH ROW EXECUTE FUNCTION fail()");
    return kind_of();
  };
  CHECK(fail_with("53100") == Kind::full);
  CHECK(fail_with("53300") == Kind::unavailable);
  CHECK(fail_with("25006") == Kind::unavailable);
  CHECK(fail_with("57P03") == Kind::unavailable);
  CHECK(fail_with("40001") == Kind::unavailable);
  CHECK(fail_with("22021") == Kind::invalid);
  CHECK(fail_with("23514") == Kind::invalid);
  CHECK(fail_with("42501") == Kind::read_only);
  CHECK(fail_with("XX001") == Kind::corrupt);
  CHECK(fail_with("P0001") == Kind::fault);
  schema.sql("DROP TRIGGER fail ON flows");
  // A lock that is not given in time.
  auto options = schema.options();
  options.lock_timeout = 1ms;
  const auto hasty = open_postgres(schema.url(), OpenMode::daemon, options);
  schema.sql("BEGIN; UPDATE meta SET revision = revision");
  CHECK(outcome_of([&] { (void)hasty->write(put(a_flow(2)), at(0)); }) == kUnavailable);
  schema.sql("COMMIT");
  CHECK_FALSE(kind_of());
  schema.sql("ALTER TABLE flows RENAME TO flows_of_before");
  CHECK(kind_of() == Kind::schema);
}

}  // namespace rruled::test
