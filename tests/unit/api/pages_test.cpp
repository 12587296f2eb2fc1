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
  const std::string large = R"({"a":")" + std::string(3'000'000, 'x') + "\"}";
  store::ChangeSet changes;
  for (int i = 0; i < 5; ++i)
    changes.runs.push_back(large_run(flow, home.clock.at + std::chrono::seconds(i), large));
  REQUIRE_FALSE(home.backend().store->write(changes, home.clock.at));
  std::vector<std::size_t> sizes;
  std::set<std::string> seen;
  std::string target = kProject + "runs/?limit=500";
  while (!target.empty() && sizes.size() < 10) {
    const auto page = home.json(200, "GET", target).as_object();
    const auto& rows = page.at("results").as_array();
    for (const auto& row : rows) seen.insert(ApiHome::text(row, "id"));
    sizes.push_back(rows.size());
    const auto next = ApiHome::text(page, "next");
    target = next.empty() ? "" : next.substr(next.find("/api/"));
  }
  CHECK(sizes == std::vector<std::size_t>{3, 2});
  CHECK(seen.size() == 5);
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
