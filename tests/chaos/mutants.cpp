#include "tests/chaos/mutants.h"

#include <pqxx/pqxx>

#include <stdexcept>

namespace rruled::test {
namespace {

using store::SettleResult;

// A run of another origin is not what the unique key is about.
void insert(pqxx::connection& connection,
            const store::Run& run,
            store::RunId id,
            const char* origin) {
  pqxx::work work(connection);
  work.exec_params(
      "WITH added AS (INSERT INTO rruled.runs (id, project_id, flow_id, schedule_id, kind, origin,"
      " status, reason, scheduled_for, due_at, created_at, executor, retry_max_attempts,"
      " retry_min_backoff, retry_max_backoff, retry_max_age, attempts, available_at, fence, error)"
      " VALUES ($1, 1, $2, $3, 'invocation', $7, 'pending', '', $4, $5, $5, 'default', 15, 1000,"
      " 300000, 7200000, 0, $5, 0, '') RETURNING *),"
      " bodies AS (INSERT INTO rruled.run_bodies (run, flow_name, variables, body)"
      "  SELECT number, '', '{}', $6 FROM added)"
      " INSERT INTO rruled.incomplete_runs (run, id, schedule_id, project_id, due_at, available_at,"
      " status, executor) SELECT number, id, schedule_id, project_id, due_at, available_at, status,"
      " executor FROM added",
      store::to_string(id), store::to_string(run.flow_id), store::to_string(*run.schedule_id),
      store::Timestamp(*run.scheduled_for).time_since_epoch().count(),
      run.due_at.time_since_epoch().count(), run.body, origin);
  work.commit();
}

class AdvanceFirst final : public HookedStore {
 public:
  AdvanceFirst(const std::string& url, store::Store& real, Hook hook)
      : HookedStore(real, std::move(hook)), connection_(url) {}
  std::vector<SettleResult> settle(std::vector<store::Settlement> batch,
                                   const store::Claimant& claimant,
                                   store::Timestamp now) override {
    std::vector<std::vector<store::Run>> runs;
    for (auto& settlement : batch) runs.push_back(std::exchange(settlement.runs, {}));
    auto results = HookedStore::settle(std::move(batch), claimant, now);
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i].kind == SettleResult::Kind::settled)
        for (const auto& run : runs[i]) insert(connection_, run, run.id, "schedule");
    return results;
  }

 private:
  pqxx::connection connection_;
};

class InsertAnyway final : public HookedStore {
 public:
  InsertAnyway(const std::string& url, store::Store& real, Hook hook)
      : HookedStore(real, std::move(hook)), connection_(url) {}
  std::vector<SettleResult> settle(std::vector<store::Settlement> batch,
                                   const store::Claimant& claimant,
                                   store::Timestamp now) override {
    const auto copy = batch;
    auto results = HookedStore::settle(std::move(batch), claimant, now);
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i].kind == SettleResult::Kind::moved)
        for (const auto& run : copy[i].runs)
          insert(connection_, run, {store::random_uuid_v7(now)}, "backfill");
    return results;
  }

 private:
  pqxx::connection connection_;
};

// Below the hook: a daemon that was stopped before it wrote goes on here.
class Forger final : public HookedStore {
 public:
  Forger(const std::string& url, store::Store& real)
      : HookedStore(real, [](When, int) {}), connection_(url) {}
  std::vector<store::FinishResult> finish(const std::vector<store::Finish>& batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    pqxx::work work(connection_);
    for (const auto& finish : batch)
      work.exec_params(
          "UPDATE rruled.runs SET owner = $1, fence = $2 WHERE id = $3"
          " AND status IN ('dispatching', 'retrying')",
          store::to_string(claimant.owner), finish.fence, store::to_string(finish.run_id));
    work.commit();
    return HookedStore::finish(batch, claimant, now);
  }

 private:
  pqxx::connection connection_;
};

class NoFence final : private std::unique_ptr<Forger>, public HookedStore {
 public:
  NoFence(std::unique_ptr<Forger> forger, Hook hook)
      : std::unique_ptr<Forger>(std::move(forger)), HookedStore(*get(), std::move(hook)) {}
};

class NoDeadline final : public HookedStore {
 public:
  using HookedStore::HookedStore;
  store::Session begin_session(store::OwnerId owner, store::Timestamp now) override {
    auto session = HookedStore::begin_session(owner, now);
    session.claim_ttl = std::chrono::hours(1);
    return session;
  }
};

}  // namespace

std::unique_ptr<HookedStore> make_mutant(const std::string& name,
                                         const std::string& url,
                                         store::Store& real,
                                         HookedStore::Hook hook) {
  if (name.empty()) return std::make_unique<HookedStore>(real, std::move(hook));
  if (name == "advance_first") return std::make_unique<AdvanceFirst>(url, real, std::move(hook));
  if (name == "insert_anyway") return std::make_unique<InsertAnyway>(url, real, std::move(hook));
  if (name == "no_fence")
    return std::make_unique<NoFence>(std::make_unique<Forger>(url, real), std::move(hook));
  if (name == "no_deadline") return std::make_unique<NoDeadline>(real, std::move(hook));
  throw std::invalid_argument("no mutant " + name);
}

}  // namespace rruled::test
