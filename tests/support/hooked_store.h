#pragma once

#include "store/store.h"
#include "tests/support/hooked_parts.h"

#include <functional>
#include <memory>
#include <utility>

namespace rruled::test {

// A store with a CallHook; what it hands out has the same one.
class HookedStore : public store::Store {
 public:
  using When = CallHook::When;
  using Hook = CallHook::Hook;
  HookedStore(store::Store& inner, Hook hook) : inner_(inner), hook_(std::move(hook)) {}

  [[nodiscard]] int calls() const { return hook_.calls(); }

  std::unique_ptr<store::Directory> directory() override { return inner_.directory(); }
  std::unique_ptr<store::Audience> audience() override {
    return std::make_unique<HookedAudience>(inner_.audience(), hook_);
  }
  std::unique_ptr<store::RunDesk> run_desk() override {
    return std::make_unique<HookedRunDesk>(inner_.run_desk(), hook_);
  }

  std::optional<store::Conflict> write(const store::ChangeSet& changes,
                                       store::Timestamp now) override {
    return inner_.write(changes, now);
  }
  std::optional<store::Flow> flow(store::FlowId id) override { return inner_.flow(id); }
  std::vector<store::Flow> flows(const store::FlowQuery& query) override {
    return inner_.flows(query);
  }
  std::optional<store::Schedule> schedule(store::ScheduleId id) override {
    return inner_.schedule(id);
  }
  std::vector<store::Schedule> schedules(const store::ScheduleQuery& query) override {
    return inner_.schedules(query);
  }
  std::vector<store::Schedule> schedules_from(store::ScheduleId first, std::size_t limit) override {
    return inner_.schedules_from(first, limit);
  }
  std::optional<store::Run> run(store::RunId id) override { return inner_.run(id); }
  std::vector<store::Run> runs(const store::RunQuery& query) override { return inner_.runs(query); }
  std::vector<store::Run> runs_from(store::RunId first, std::size_t limit) override {
    return inner_.runs_from(first, limit);
  }
  std::vector<store::Attempt> attempts(store::RunId id) override { return inner_.attempts(id); }
  std::vector<store::LogEntry> logs(const store::LogQuery& query) override {
    return inner_.logs(query);
  }
  std::vector<store::Gap> gaps(store::ScheduleId id) override { return inner_.gaps(id); }
  store::Counts counts() override { return inner_.counts(); }
  store::Changes changes_since(std::int64_t revision, std::size_t limit) override {
    return inner_.changes_since(revision, limit);
  }

  store::Session begin_session(store::OwnerId owner, store::Timestamp now) override {
    return hook_.around([&] { return inner_.begin_session(owner, now); });
  }
  std::vector<store::DueSchedule> load_due(std::optional<store::DueCursor> after,
                                           store::Timestamp before,
                                           std::size_t limit) override {
    return hook_.around([&] { return inner_.load_due(after, before, limit); });
  }
  std::vector<store::SettleResult> settle(std::vector<store::Settlement> batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    return hook_.around([&] { return inner_.settle(std::move(batch), claimant, now); });
  }
  store::ClaimResult claim(const store::ClaimRequest& request, store::Timestamp now) override {
    return hook_.around([&] { return inner_.claim(request, now); });
  }
  std::vector<store::Run> held(const store::Claimant& claimant) override {
    return hook_.around([&] { return inner_.held(claimant); });
  }
  std::vector<store::FinishResult> finish(const std::vector<store::Finish>& batch,
                                          const store::Claimant& claimant,
                                          store::Timestamp now) override {
    return hook_.around([&] { return inner_.finish(batch, claimant, now); });
  }
  void hand_back(const std::vector<store::HandBack>& batch,
                 const store::Claimant& claimant) override {
    hook_.around([&] { inner_.hand_back(batch, claimant); });
  }
  std::vector<store::HeldClaim> extend(const store::Claimant& claimant,
                                       store::Timestamp now) override {
    return hook_.around([&] { return inner_.extend(claimant, now); });
  }
  std::size_t recover(std::size_t limit, store::Timestamp now) override {
    return hook_.around([&] { return inner_.recover(limit, now); });
  }
  std::optional<store::Timestamp> clock() override { return inner_.clock(); }
  std::string zones_version() override { return inner_.zones_version(); }
  void set_zones_version(const std::string& version) override { inner_.set_zones_version(version); }
  store::Pruned prune(const store::PruneRequest& request, store::Timestamp now) override {
    return hook_.around([&] { return inner_.prune(request, now); });
  }

 private:
  store::Store& inner_;
  CallHook hook_;
};

// Somebody else comes just before each write, the first of which is 1.
class CrowdedStore final : public HookedStore {
 public:
  CrowdedStore(store::Store& inner, std::function<void(int write)> other)
      : HookedStore(inner, [](When, int) {}), other_(std::move(other)) {}
  [[nodiscard]] int writes() const { return writes_; }

  std::optional<store::Conflict> write(const store::ChangeSet& changes,
                                       store::Timestamp now) override {
    other_(++writes_);
    return HookedStore::write(changes, now);
  }

 private:
  std::function<void(int write)> other_;
  int writes_ = 0;
};

}  // namespace rruled::test
