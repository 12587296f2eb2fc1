#include "daemon/core/child_run.h"
#include "stage.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

using Kind = FannedOut::Kind;

void page_by_page(store::Store& store) {
  Stage stage(store);
  stage.add_persons(5);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  const auto opened = stage.audience->open_job(stage.claim_of(run), stage.now);
  REQUIRE(opened);
  CHECK(opened->trigger_config == kTrigger);
  CHECK(opened->opened_at == stage.now);
  const auto first = stage.page(run);
  CHECK(first.kind == Kind::more);
  CHECK(first.added == 2);
  CHECK(stage.children(id) == "p1 p2");
  CHECK(stage.audience->progress({id}) ==
        std::vector{
            JobProgress{.run_id = id, .total = {}, .enqueued = 2, .trigger_config = kTrigger}});
  CHECK(stage.audience->jobs({id}) == std::vector{*first.job});
  CHECK(store.run(id)->status == RunStatus::dispatching);
  CHECK(stage.page(run).kind == Kind::more);
  const auto last = stage.page(run);
  CHECK(last.kind == Kind::spread);
  CHECK(last.job->enqueued == 5);
  CHECK(stage.children(id) == "p1 p2 p3 p4 p5");
  const auto after = *store.run(id);
  CHECK(after.status == RunStatus::running);
  CHECK(after.started_at == stage.now);
  CHECK(store.attempts(id).back().outcome == "completed");
  CHECK(stage.log_of(id) == "INFO 5 persons enqueued\n");
  CHECK(stage.page(run).kind == Kind::lost);  // it is nobody's now
}

void child_is_frozen(store::Store& store) {
  Stage stage(store);
  stage.add_persons(1);
  const auto id = stage.order_job();
  const auto job = stage.claim();
  stage.spread(job);
  const auto child = stage.claim();
  CHECK(child.id == core::child_run_id(id, id_of<PersonId>(1)));
  CHECK(child.parent_id == ParentId{id.value});
  CHECK(child.kind == RunKind::invocation);
  CHECK(child.origin == RunOrigin::child);
  CHECK_FALSE(child.schedule_id);
  CHECK(child.variables == R"({"a":1})");
  CHECK(child.flow_name == "flow 1");
  CHECK(child.due_at == stage.now);
  const auto person = R"(,"person":{"distinct_id":"p1","properties":{"n":1}}})";
  CHECK(child.body.ends_with(person));
  // What the person is later changes nothing.
  stage.audience->put_persons({person_of(1, R"({"distinct_id":"p1","properties":{"n":2}})")},
                              AuditEntry{}, stage.now);
  CHECK(store.run(child.id)->body == child.body);
}

void only_the_claimant(store::Store& store) {
  Stage stage(store);
  stage.add_persons(3);
  const auto id = stage.order_job();
  auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  auto other = run;
  other.fence += 1;
  CHECK_FALSE(stage.audience->open_job(stage.claim_of(other), stage.now));
  CHECK(stage.page(other).kind == Kind::lost);
  CHECK(stage.children(id).empty());
  // Not opened: there is nothing to go on with.
  const auto second = stage.order_job(901);
  CHECK(stage.page(stage.claim()).kind == Kind::lost);
  CHECK(stage.children(second).empty());
}

void resumed(store::Store& store) {
  Stage stage(store);
  stage.add_persons(7);
  const auto id = stage.order_job();
  const auto before = stage.claim();
  const auto opened = stage.audience->open_job(stage.claim_of(before), stage.now);
  CHECK(stage.page(before).kind == Kind::more);
  Flow flow = *store.flow(flow_id(1));
  const auto revision = flow.revision;
  flow.trigger = R"({"type":"batch","filters":{"properties":[{"key":"x"}]}})";
  REQUIRE_FALSE(store.write({.flows = {{flow, revision}}}, stage.now));
  FanOut late;
  late.claim = stage.claim_of(before);
  stage.new_daemon(2);
  (void)store.recover(100, stage.now);
  std::optional<Run> again;
  for (int i = 0; i < 3; ++i)
    if (auto run = stage.claim(); run.id == id) again = run;
  REQUIRE(again);
  CHECK(again->fence > before.fence);
  const auto reopened = stage.audience->open_job(stage.claim_of(*again), stage.now);
  REQUIRE(reopened);
  CHECK(reopened->trigger_config == opened->trigger_config);
  CHECK(reopened->opened_at == opened->opened_at);
  CHECK(reopened->enqueued == 2);
  // The daemon of before comes back: it writes nothing.
  bool fenced = false;
  try {
    fenced = stage.audience->fan_out(late, core::ChildMaker(before), stage.now).kind == Kind::lost;
  } catch (const StoreError& error) {
    fenced = error.kind() == StoreError::Kind::fenced;
  }
  CHECK(fenced);
  CHECK(stage.children(id) == "p1 p2");
  stage.spread(*again);
  CHECK(stage.children(id) == "p1 p2 p3 p4 p5 p6 p7");
  CHECK(stage.audience->progress({id}).at(0).total == 7);
}

void capped(store::Store& store) {
  Stage stage(store);
  stage.add_persons(5);
  const auto id = stage.order_job();
  stage.spread(stage.claim(), 3, 4);
  const auto progress = stage.audience->progress({id}).at(0);
  CHECK(progress.enqueued == 4);
  CHECK(progress.truncated);
  CHECK(stage.children(id) == "p1 p2 p3 p4");
  CHECK(stage.log_of(id) ==
        "WARN the audience is larger than limits.max_audience: 4 persons enqueued, the others are "
        "left out\n");
}

void exactly_the_cap(store::Store& store) {
  Stage stage(store);
  stage.add_persons(4);
  const auto id = stage.order_job();
  stage.spread(stage.claim(), 2, 4);
  CHECK(stage.audience->progress({id}).at(0).enqueued == 4);
  CHECK_FALSE(stage.audience->progress({id}).at(0).truncated);
  CHECK(stage.log_of(id) == "INFO 4 persons enqueued\n");
}

// How many children each page adds, until the last one.
std::string added_by_pages(Stage& stage, const store::Run& run, FanOut request) {
  request.claim = stage.claim_of(run);
  std::string added;
  for (auto kind = Kind::more; kind == Kind::more && added.size() < 20;) {
    const auto page = stage.audience->fan_out(request, core::ChildMaker(run), stage.now);
    kind = page.kind;
    added += std::to_string(page.added);
  }
  return added;
}

void looks_at_so_many(store::Store& store) {
  Stage stage(store);
  stage.add_persons(9);
  const auto filter = filter_of(R"([{"key":"n","value":[5,9]}])");
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  FanOut request{.claim = {}, .filter = filter, .page = 2, .look_at = 3};
  CHECK(added_by_pages(stage, run, request) == "011");
  CHECK(stage.children(id) == "p5 p9");
}

void leaves_off(store::Store& store) {
  Stage stage(store);
  stage.add_persons(9);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  FanOut request;
  request.filter = filter_of(R"([{"key":"n","operator":"regex","value":"[59]"}])");
  request.go_on = [asked = 0]() mutable { return ++asked % 3 != 0; };
  CHECK(added_by_pages(stage, run, request) == "011");
  CHECK(stage.children(id) == "p5 p9");
  CHECK(stage.log_of(id) == "INFO 2 persons enqueued\n");
}

void looks_at_one_at_least(store::Store& store) {
  Stage stage(store);
  stage.add_persons(3);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  FanOut request;
  request.filter = filter_of(R"([{"key":"n","operator":"regex","value":"."}])");
  request.go_on = [] { return false; };
  CHECK(added_by_pages(stage, run, request) == "111");
  CHECK(stage.children(id) == "p1 p2 p3");
}

// What RE2 may need at the worst counts: of some patterns as large as these, minutes for one text.
void costs_too_much(store::Store& store) {
  Stage stage(store);
  const std::string text(60'000, 'a');
  stage.audience->put_persons(
      {person_of(1, R"({"distinct_id":"p1","properties":{"t":")" + text + R"("}})")}, AuditEntry{},
      stage.now);
  const std::string pattern = R"({"key":"t","operator":"regex","value":"a|x{900}"
})";
  std::string patterns = pattern;
  for (int i = 1; i < 100; ++i) patterns += "," + pattern;
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  const auto refuses = [](auto ask) {
    try {
      ask();
    } catch (const StoreError& error) {
      return error.kind() == StoreError::Kind::invalid;
    }
    return false;
  };
  const auto filter = filter_of(R"([{"type":"OR","values":[)" + patterns + "]}]");
  const auto denied = filter_of(R"([{"key":"t","operator":"not_regex","value":"b"}])");
  CHECK(stage.audience->size(1, denied) == AudienceSize{1, 1});
  const auto all = filter_of("[" + patterns + "]");
  CHECK(refuses([&] { (void)stage.audience->size(1, all); }));
  CHECK(refuses([&] { (void)stage.page(run, 2, 1'000, all); }));
  CHECK(stage.children(id).empty());
  // One that matches at once needs no others.
  CHECK(stage.page(run, 2, 1'000, filter).added == 1);
}

void flow_stops(store::Store& store) {
  Stage stage(store);
  stage.add_persons(5);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  CHECK(stage.page(run).kind == Kind::more);
  stage.set_flow(FlowStatus::archived);
  CHECK(stage.page(run).kind == Kind::spread);
  CHECK(stage.children(id) == "p1 p2");
  CHECK(stage.end_jobs().ended.size() == 1);
  const auto job = *store.run(id);
  CHECK(job.status == RunStatus::failed);
  CHECK(job.reason == "flow_inactive");
  CHECK(stage.children(id, RunStatus::cancelled) == "p1 p2");
}

void flow_is_deleted(store::Store& store) {
  Stage stage(store);
  stage.add_persons(5);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  CHECK(stage.page(run).kind == Kind::more);
  REQUIRE_FALSE(store.write({.delete_flows = {{flow_id(1)}}}, stage.now));
  CHECK(stage.page(run).kind == Kind::lost);
  CHECK(stage.children(id).empty());
  CHECK(stage.audience->progress({id}).empty());
  CHECK(stage.end_jobs().open == 0);
}

void bad_child(store::Store& store) {
  Stage stage(store);
  stage.add_persons(2);
  const auto id = stage.order_job();
  const auto run = stage.claim();
  REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
  FanOut request;
  request.claim = stage.claim_of(run);
  const auto stray = [&](const Person& person, Timestamp now) {
    Run child = core::ChildMaker(run)(person, now);
    if (person.distinct_id == "p2") child.parent_id = ParentId{run_id(5).value};
    return child;
  };
  CHECK_THROWS_AS(stage.audience->fan_out(request, stray, stage.now), StoreError);
  CHECK(stage.children(id).empty());
  CHECK(stage.audience->progress({id}).at(0).enqueued == 0);
}

}  // namespace

std::vector<AudienceCheck> spread_checks() {
  return {{"a job is spread page by page, then it runs", page_by_page},
          {"a child holds the person as it was", child_is_frozen},
          {"only the claimant spreads a job that it opened", only_the_claimant},
          {"another daemon goes on where the one before ended", resumed},
          {"a cap truncates, with a warning", capped},
          {"an audience as large as the cap is whole", exactly_the_cap},
          {"one page looks at so many persons", looks_at_so_many},
          {"a page ends between two persons when there is no time", leaves_off},
          {"a page without time looks at one person", looks_at_one_at_least},
          {"regular expressions that cost too much for a text are refused", costs_too_much},
          {"an archived flow stops its job", flow_stops},
          {"a deleted flow takes its job along", flow_is_deleted},
          {"a child that is not the job's stops the page", bad_child}};
}

}  // namespace rruled::test
