#include "stage.h"

#include "daemon/core/child_run.h"
#include "daemon/core/json_text.h"

#include <boost/json/object.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

namespace rruled::test {

Stage::Stage(store::Store& store_) : store(store_), audience(store_.audience()) {
  REQUIRE(audience);
  Flow flow = a_flow();
  flow.trigger_type = "batch";
  flow.trigger = kTrigger;
  REQUIRE_FALSE(store.write(put(flow), now));
  new_daemon(1);
}

void Stage::new_daemon(int n) {
  now += 120s;  // what was claimed before has lapsed
  claimant_ = store.begin_session(id_of<OwnerId>(n), now).claimant;
}

void Stage::add_persons(int n, int from) {
  std::vector<PersonPut> persons;
  for (int i = from; i < from + n; ++i)
    persons.push_back(person_of(i, R"({"distinct_id":"p)" + std::to_string(i) +
                                       R"(","properties":{"n":)" + std::to_string(i) + "}}"));
  audience->put_persons(persons, AuditEntry{}, now);
}

RunId Stage::order_job(int n, std::optional<ScheduleId> schedule) {
  Run run = a_manual_run(n);
  run.kind = RunKind::batch_job;
  run.schedule_id = schedule;
  run.flow_name = "flow 1";
  run.variables = R"({"a":1})";
  run.body = R"({"run":{"id":"x","scheduled_for":null},"flow":{"id":"f"},"variables":{"a":1}})";
  REQUIRE_FALSE(store.write({.runs = {run}}, now));
  return run.id;
}

Run Stage::claim() {
  auto runs = store.claim({claimant_, {"default"}, 1}, now).runs;
  REQUIRE(runs.size() == 1);
  return runs.front();
}

FannedOut Stage::page(const Run& run,
                      std::size_t page,
                      std::size_t max_audience,
                      const PersonFilter& filter,
                      std::size_t look_at) {
  FanOut request;
  request.claim = claim_of(run);
  request.filter = filter;
  request.page = page;
  request.look_at = look_at;
  request.max_audience = max_audience;
  return audience->fan_out(request, core::ChildMaker(run), now);
}

void Stage::spread(const Run& run, std::size_t page_size, std::size_t max_audience) {
  REQUIRE(audience->open_job(claim_of(run), now));
  for (int pages = 0; page(run, page_size, max_audience).kind == FannedOut::Kind::more; ++pages)
    REQUIRE(pages < 1'000);
}

void Stage::finish(const Run& run, RunStatus status) {
  Finish finish = a_finish(run, status, now);
  REQUIRE(store.finish({finish}, claimant_, now).front().written);
}

void Stage::finish_all(RunStatus status) {
  for (const auto& run : store.claim({claimant_, {"default"}, 1'000}, now).runs)
    finish(run, status);
}

std::string Stage::children(RunId job, std::optional<RunStatus> status) {
  std::multiset<std::string> names;
  for (const auto& run : store.runs({.status = status, .limit = 10'000})) {
    if (run.parent_id != ParentId{job.value}) continue;
    const auto body = core::stored_json(run.body, {});
    names.emplace(body.at("person").at("distinct_id").get_string());
  }
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string Stage::log_of(RunId job) {
  std::string text;
  for (const auto& line : store.logs({.run_id = job, .limit = 1'000}))
    text = std::string(word(line.level)) + " " + line.message + "\n" + text;
  return text;
}

void Stage::set_flow(FlowStatus status) {
  Flow flow = *store.flow(flow_id(1));
  const auto revision = flow.revision;
  flow.status = status;
  REQUIRE_FALSE(store.write({.flows = {{flow, revision}}}, now));
}

}  // namespace rruled::test
