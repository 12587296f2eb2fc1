// What a batch job's fan-out costs in the store: one child for each person, in pages of 500, each
// page one transaction. Then what counting an audience costs.
//
//   TMPDIR=/on/the/disk fan_out_bench [persons] [store]
#include "daemon/core/child_run.h"
#include "daemon/core/person_json.h"
#include "daemon/core/property_filter.h"
#include "store/audience.h"
#include "store/memory_store.h"
#include "store/postgres_store.h"
#include "store/sqlite_store.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace rruled::store;
using namespace rruled;
using Clock = std::chrono::steady_clock;

constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Six properties each, as a small shop would have.
PersonPut person(int n) {
  PersonPut put;
  put.person.id.value = random_uuid_v7(kNow + std::chrono::milliseconds(n));
  const std::string number = std::to_string(n);
  put.person.distinct_id = "user-" + number;
  put.person.properties = R"({"email":"User.)" + number + R"(@example.com","age":)" +
                          std::to_string(n % 90) + R"(,"plan":")" + (n % 3 == 0 ? "free" : "paid") +
                          R"(","joined":"2025-06-0)" + std::to_string(1 + n % 9) +
                          R"(","vip":false,"city":"Plzen"})";
  put.person.distinct_id = "user-" + number;
  const auto value = core::parse_json(put.person.properties);
  put.values = core::person_values(value->get_object());
  return put;
}

void put_persons(Audience& audience, int persons) {
  std::vector<PersonPut> batch;
  for (int n = 0; n < persons; ++n) {
    batch.push_back(person(n));
    if (batch.size() < 1'000 && n + 1 < persons) continue;
    audience.put_persons(batch, {}, kNow);
    batch.clear();
  }
}

Run claim_job(Store& store, const Claimant& claimant) {
  ChangeSet changes;
  Flow flow;
  flow.id.value = random_uuid_v7(kNow);
  flow.status = FlowStatus::active;
  flow.trigger_type = "batch";
  flow.trigger = R"({"filters":{"properties":[]}})";
  changes.flows.push_back({flow, {}});
  Run job;
  job.id.value = random_uuid_v7(kNow);
  job.flow_id = flow.id;
  job.kind = RunKind::batch_job;
  job.origin = RunOrigin::manual;
  job.due_at = job.created_at = kNow;
  job.flow_name = "bench";
  job.body = R"({"run":{},"flow":{"name":"bench"},"schedule":null,"variables":{"a":1}})";
  changes.runs.push_back(job);
  if (store.write(changes, kNow)) std::abort();
  return store.claim({claimant, {"default"}, 1}, kNow).runs.at(0);
}

void count(const char* name, Audience& audience, const char* what, const char* properties) {
  const auto value = core::parse_json(properties);
  const auto filter = core::properties_from_json(*value, "", kNow);
  const auto start = Clock::now();
  const auto size = audience.size(1, *filter);
  std::printf("%-8s %-28s %7zu of %zu in %5.0f ms\n", name, what, size->affected, size->total,
              seconds_since(start) * 1e3);
}

void measure(const char* name, Store& store, int persons) {
  const auto audience = store.audience();
  const auto claimant = store.begin_session({random_uuid_v7(kNow)}, kNow).claimant;
  auto start = Clock::now();
  put_persons(*audience, persons);
  std::printf("%-8s %7d persons put, %7.0f/s\n", name, persons, persons / seconds_since(start));
  const Run job = claim_job(store, claimant);
  if (!audience->open_job({job.id, job.fence, claimant}, kNow)) std::abort();
  FanOut page;
  page.claim = {job.id, job.fence, claimant};
  const core::ChildMaker make_child(job);
  start = Clock::now();
  double slowest = 0;
  FannedOut result;
  do {
    const auto begun = Clock::now();
    result = audience->fan_out(page, make_child, kNow);
    slowest = std::max(slowest, seconds_since(begun));
  } while (result.kind == FannedOut::Kind::more);
  if (result.kind == FannedOut::Kind::lost) std::abort();
  const auto spread = seconds_since(start);
  const auto children = static_cast<double>(result.job->enqueued);
  std::printf("%-8s %7.0f children, %7.0f children/s, slowest page %3.0f ms\n", name, children,
              children / spread, slowest * 1e3);
  start = Clock::now();
  if (audience->end_jobs({}, kNow).open != 1) std::abort();
  const auto looked = seconds_since(start);
  start = Clock::now();
  (void)audience->progress({job.id});
  std::printf("%-8s a look whether the job has ended %.1f ms, its progress %.1f ms\n", name,
              looked * 1e3, seconds_since(start) * 1e3);
  count(name, *audience, "plan is paid", R"([{"key":"plan","value":"paid"}])");
  count(name, *audience, "age > 30, email has example",
        R"([{"key":"age","operator":"gt","value":30},
            {"key":"email","operator":"icontains","value":"EXAMPLE"}])");
  count(name, *audience, "email matches 7@",
        R"([{"key":"email","operator":"regex","value":"7@example\\.com$"}])");
}

}  // namespace

int main(int argc, char** argv) {
  const int persons = argc > 1 ? std::atoi(argv[1]) : 100'000;
  if (persons < 1) return 2;
  const std::string only = argc > 2 ? argv[2] : "";
  const auto wanted = [&](const char* name) { return only.empty() || only == name; };
  if (wanted("memory")) {
    MemoryStore memory;
    measure("memory", memory, persons);
  }
  if (wanted("sqlite")) {
    const rruled::test::TempDir dir;
    const auto sqlite = open_sqlite(dir.file("store.db"), OpenMode::daemon);
    measure("sqlite", *sqlite, persons);
  }
  if (!wanted("postgres")) return 0;
  using rruled::testing::PostgresCluster;
  if (const auto why = PostgresCluster::missing(); !why.empty()) {
    std::printf("postgres left out: %s\n", why.c_str());
    return 0;
  }
  const PostgresCluster cluster({.fsync = true, .settings = "shared_buffers = 512MB"});
  const auto postgres = open_postgres(cluster.url(), OpenMode::daemon);
  measure("postgres", *postgres, persons);
}
