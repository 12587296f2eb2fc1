// Pages that are read by cursor, and what is read in one go.
#include "tests/unit/api/api_home.h"

#include <set>
#include <string>
#include <vector>

namespace rruled::test {
namespace {

namespace json = boost::json;

store::Run large_run(const std::string& flow, store::Timestamp due, const std::string& variables) {
  store::Run run;
  run.id.value = store::random_uuid_v7(due);
  run.flow_id = *store::parse_id<store::FlowId>(flow);
  run.origin = store::RunOrigin::manual;
  run.due_at = run.created_at = due;
  run.variables = variables;
  run.body = "{}";
  return run;
}

// The rows that each page has, from `target` on by `next`; the ids (or `key`) of all of them.
struct Pages {
  std::vector<std::size_t> sizes;
  std::set<std::string> seen;
};
Pages read_pages(ApiHome& home, std::string target, const char* key = "id") {
  Pages pages;
  while (!target.empty() && pages.sizes.size() < 10) {
    const auto page = home.json(200, "GET", target).as_object();
    const auto& rows = page.at("results").as_array();
    for (const auto& row : rows) pages.seen.insert(ApiHome::text(row, key));
    pages.sizes.push_back(rows.size());
    if (!page.at("count").is_null()) CHECK(page.at("count") == 5);
    const auto next = ApiHome::text(page, "next");
    target = next.empty() ? "" : next.substr(next.find("/api/"));
  }
  return pages;
}

// JSON of these bytes.
std::string object_of(std::size_t bytes) {
  return R"({"a":")" + std::string(bytes - 8, 'x') + "\"}";
}

void put_five_persons(ApiHome& home, const std::string& properties) {
  std::vector<store::PersonPut> persons(5);
  for (auto& each : persons) {
    each.person.id.value = store::random_uuid_v7(home.clock.at);
    each.person.project_id = 1;
    each.person.distinct_id = to_string(each.person.id);
    each.person.properties = properties;
  }
  const auto audience = home.backend().store->audience();
  store::AuditEntry entry;
  entry.at = home.clock.at;
  (void)audience->put_persons(persons, entry, home.clock.at);
}

}  // namespace

TEST_CASE("a page of no rows by cursor was an empty list that looked like the end") {
  ApiHome home(either_store());
  for (const std::string path : {"runs/", "runs/gaps/"}) {
    const auto refused = home.json(400, "GET", kProject + path + "?limit=0");
    CHECK(attr(refused) == "limit");
    CHECK(detail(refused) == "Must be at least 1.");
    home.json(200, "GET", kProject + path + "?limit=1");
    home.json(200, "GET", kProject + path + "?limit=9999");
  }
}

TEST_CASE("a page of runs had no end but its limit, whatever they carry") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  // Two of these fit a page of 8 MiB, and the third is its last.
  const std::string large = object_of(3'000'000);
  store::ChangeSet changes;
  for (int i = 0; i < 5; ++i)
    changes.runs.push_back(large_run(flow, home.clock.at + std::chrono::seconds(i), large));
  REQUIRE_FALSE(home.backend().store->write(changes, home.clock.at));
  const auto pages = read_pages(home, kProject + "runs/?limit=500");
  CHECK(pages.sizes == std::vector<std::size_t>{3, 2});
  CHECK(pages.seen.size() == 5);
}

TEST_CASE("a page of flows, schedules, jobs or persons had no end but its limit") {
  ApiHome home(either_store());
  home.limit_pages(80'000);
  const std::string large = object_of(30'000);
  const auto id = *store::parse_id<store::FlowId>(home.make_flow("batch"));
  const auto schedule_id = *store::parse_id<store::ScheduleId>(home.make_schedule(to_string(id)));
  store::Flow flow = *home.backend().store->flow(id);
  const store::Schedule schedule = *home.backend().store->schedule(schedule_id);
  store::ChangeSet changes;
  changes.flows.push_back({flow, flow.revision});
  changes.flows.back().flow.trigger = R"({"type":"batch","filters":)" + large + "}";
  for (int i = 1; i <= 5; ++i) {
    changes.runs.push_back(large_run(to_string(id), home.clock.at + std::chrono::seconds(i), "{}"));
    changes.runs.back().kind = store::RunKind::batch_job;
    if (i == 5) break;
    flow.id.value = store::random_uuid_v7(home.clock.at);
    flow.actions = "[" + large + "]";
    changes.flows.push_back({flow, std::nullopt});
    changes.schedules.push_back({schedule, std::nullopt});
    changes.schedules.back().schedule.id.value = store::random_uuid_v7(home.clock.at);
    changes.schedules.back().schedule.variables = large;
  }
  changes.schedules.push_back(
      {schedule, store::ScheduleStamp{schedule.version, schedule.next_run_at}});
  changes.schedules.back().schedule.variables = large;
  REQUIRE_FALSE(home.backend().store->write(changes, home.clock.at));
  put_five_persons(home, large);
  const std::string of_flow = kProject + "hog_flows/" + to_string(id) + "/";
  for (const std::string& target : {kProject + "hog_flows/", of_flow + "schedules/",
                                    of_flow + "batch_jobs/", kProject + "persons/"}) {
    INFO(target);
    const auto pages = read_pages(home, target + "?limit=500");
    CHECK(pages.sizes == std::vector<std::size_t>{3, 2});
    CHECK(pages.seen.size() == 5);
  }
  CHECK(read_pages(home, kProject + "persons/?limit=2").sizes == std::vector<std::size_t>{2, 2, 1});
}

TEST_CASE("pages that are made in parts have every row once") {
  ApiHome home(either_store());
  const auto flow = home.make_flow();
  store::ChangeSet changes;
  for (int i = 0; i < 45; ++i) {
    changes.runs.push_back(large_run(flow, home.clock.at + std::chrono::seconds(i), "{}"));
    changes.runs.back().kind = store::RunKind::invocation;
  }
  REQUIRE_FALSE(home.backend().store->write(changes, home.clock.at));
  const std::string target = kProject + "hog_flows/" + flow + "/invocations/";
  const auto page = home.json(200, "GET", target + "?limit=42&offset=1").as_object();
  std::set<std::string> seen;
  for (const auto& row : page.at("results").as_array()) seen.insert(ApiHome::text(row, "id"));
  CHECK(seen.size() == 42);
  CHECK(page.at("results").as_array().size() == 42);
  CHECK(page.at("count") == 45);
  CHECK(ApiHome::text(page, "next").ends_with("?limit=42&offset=43"));
  CHECK(ApiHome::text(page, "previous").ends_with("?limit=42&offset=0"));
  const auto none = home.json(200, "GET", target + "?limit=0").as_object();
  CHECK(none.at("count") == 45);
  CHECK(none.at("next").is_null());
  CHECK(none.at("results").as_array().empty());
  store::ChangeSet more;
  for (int i = 0; i < 44; ++i) {
    more.flows.push_back({*home.backend().store->flow(*store::parse_id<store::FlowId>(flow)), {}});
    more.flows.back().flow.id.value = store::random_uuid_v7(home.clock.at);
  }
  REQUIRE_FALSE(home.backend().store->write(more, home.clock.at));
  seen.clear();
  const auto flows = home.json(200, "GET", ApiHome::kFlows + "?limit=42&offset=1").as_object();
  for (const auto& row : flows.at("results").as_array()) seen.insert(ApiHome::text(row, "id"));
  CHECK(seen.size() == 42);
  CHECK(flows.at("count") == 45);
  CHECK(home.json(200, "GET", ApiHome::kFlows + "?limit=0").at("count") == 45);
}

TEST_CASE("a calendar moved the first 100000 of its schedules, and left the others as they were",
          "[.deep]") {
  ApiHome home(StoreKind::memory);
  const auto flow = home.make_flow();
  const std::string path = kProject + "calendars/holidays/";
  home.json(201, "POST", kProject + "calendars/", R"({"name":"holidays","dates":["2026-12-25"]})");
  const auto id = *store::parse_id<store::ScheduleId>(home.make_schedule(flow));
  store::Schedule row = *home.backend().store->schedule(id);
  row.calendar = "holidays";
  store::ChangeSet changes;
  for (int i = 0; i < 100'001; ++i) {
    row.id.value = store::random_uuid_v7(home.clock.at);
    changes.schedules.push_back({row, std::nullopt});
  }
  REQUIRE_FALSE(home.backend().store->write(changes, home.clock.at));
  const auto refused = home.json(409, "PATCH", path, R"({"dates":["2026-12-24"]})");
  CHECK(detail(refused).starts_with("100001 schedules name this calendar"));
  CHECK(home.json(200, "GET", path).at("dates") == json::array{"2026-12-25"});
  home.json(200, "PATCH", path, R"({"note":"moves none"})");
}

}  // namespace rruled::test
