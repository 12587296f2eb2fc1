#pragma once

#include "sample.h"
#include "store/memory_store.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace rruled::test {

// A random life, led in MemoryStore and in another store: each answer must be the same, and so must
// everything that can be read at the end.
class Life {
 public:
  // A store with a clock of its own need not keep the exact mark of the caller's.
  enum class HighWater { same, any };
  Life(Store& model, Store& store, unsigned seed, HighWater high_water = HighWater::same)
      : model_(model), store_(store), random_(seed), high_water_(high_water) {}

  void live(int steps) {
    begin_session();
    for (int step = 0; step < steps; ++step) {
      now_ += std::chrono::seconds(pick(3));
      INFO("step " << step);
      one_step();
    }
    same([](Store& store) { return dump(store); });
  }
  [[nodiscard]] const std::map<std::string, int>& outcomes() const { return outcomes_; }

 private:
  static constexpr int kFlows = 3;
  static constexpr int kSchedules = 6;

  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  template <class Word>
  Word pick_word() {
    return static_cast<Word>(pick(static_cast<int>(kWords<Word>.size())));
  }

  // Does the same to both and compares the answers.
  template <class Call>
  std::string same(Call call) {
    const auto answer = [&](Store& store) -> std::string {
      try {
        return call(store);
      } catch (const StoreError& error) {
        return "throws " + std::to_string(static_cast<int>(error.kind()));
      }
    };
    const auto expected = answer(model_);
    const auto actual = answer(store_);
    if (expected.starts_with("throws")) ++outcomes_["throws"];
    REQUIRE(actual == expected);
    return expected;
  }

  void one_step() {
    switch (pick(13)) {
      case 0:
        return write_flow();
      case 1:
      case 2:
        return write_schedule();
      case 3:
        return write_others();
      case 4:
      case 5:
      case 6:
        return settle();
      case 7:
        return claim();
      case 8:
      case 9:
        return finish();
      case 10:
        return read();
      case 11:
        return pick(4) == 0 ? prune() : hand_back();
      default:
        return pick(6) == 0 ? begin_session() : hand_back();
    }
  }

  void write(const ChangeSet& changes) {
    const auto answer = same([&](Store& store) { return show(store.write(changes, now_)); });
    ++outcomes_["write " + answer.substr(0, answer.find(' '))];
  }

  void write_flow() {
    auto flow = a_flow(1 + pick(kFlows));
    if (pick(10) == 0) return write({.delete_flows = {{flow.id}}});
    const auto stored = model_.flow(flow.id);
    flow.version = pick(2);
    flow.description = std::to_string(pick(100));
    flow.updated_at = now_;
    write({.flows = {{flow, stored && pick(5) > 0 ? std::optional(stored->revision - pick(2) / 2)
                                                  : std::nullopt}}});
  }

  void write_schedule() {
    auto schedule = a_schedule(1 + pick(kSchedules), 1 + pick(kFlows));
    if (pick(10) == 0) return write({.delete_schedules = {{schedule.id}}});
    const auto stored = model_.schedule(schedule.id);
    schedule.overlap = pick_word<OverlapPolicy>();
    schedule.max_running = 1 + pick(2);
    schedule.catchup_window = 1s * pick(40);
    schedule.retry.max_age = 1s * pick(10);
    schedule.next_run_at = std::chrono::floor<std::chrono::seconds>(now_) + 1s * pick(3);
    schedule.next_due_at = schedule.next_run_at;
    if (pick(8) == 0) schedule.status = pick_word<ScheduleStatus>();
    if (!stored || pick(10) == 0) return write(put(schedule));
    auto stamp = stamp_of(*stored);
    if (pick(5) == 0) ++stamp.version;
    write({.schedules = {{schedule, stamp}}});
  }

  void write_others() {
    auto run = a_manual_run(++runs_, 1 + pick(kFlows));
    run.project_id = pick(3);
    if (pick(8) == 0) run.id = run_id(1 + pick(runs_));
    if (pick(2) == 0) run.schedule_id = schedule_id(1 + pick(kSchedules));
    run.due_at = now_ + 1s * pick(5);
    ChangeSet changes{.runs = {run}};
    if (pick(3) == 0)
      changes.gaps = {{schedule_id(1 + pick(kSchedules)), pick_word<GapReason>(), nominal(pick(5)),
                       nominal(5 + pick(5)), 3}};
    write(changes);
  }

  void settle() {
    std::vector<Settlement> batch;
    for (int n = pick(4); n >= 0; --n) {
      const int chosen = 1 + pick(kSchedules);
      const auto schedule = model_.schedule(schedule_id(chosen)).value_or(a_schedule(chosen));
      const auto next = schedule.next_run_at.value_or(nominal(0)) - 1s * (pick(6) == 0 ? 2 : 0);
      std::vector<Run> runs;
      for (int k = pick(4); k > 0; --k)
        runs.push_back(a_run(schedule, next + 1s * static_cast<int>(runs.size()),
                             static_cast<RunStatus>(pick(3))));
      auto settlement = a_settlement(schedule, runs, next + 1s * (1 + pick(5)));
      if (pick(10) == 0) ++settlement.version;
      if (pick(10) == 0) settlement.settled_to.reset();
      if (pick(10) == 0) settlement.overlap = pick_word<OverlapPolicy>();
      if (pick(20) == 0) settlement.then_status = pick_word<ScheduleStatus>();
      if (pick(4) == 0) settlement.logs = {a_log_line("line")};
      for (auto& line : settlement.logs) line.flow_id = schedule.flow_id;
      if (pick(30) == 0 && !runs.empty()) settlement.runs[0].flow_id = flow_id(9);
      batch.push_back(settlement);
    }
    same([&](Store& store) {
      const auto results = store.settle(batch, claimant_, now_);
      if (&store == &model_)
        for (const auto& result : results) {
          ++outcomes_[std::string("settle ") + std::to_string(static_cast<int>(result.kind))];
          outcomes_["skipped"] += static_cast<int>(result.skipped.size());
          outcomes_["cancel"] += static_cast<int>(result.cancel.size());
          outcomes_["duplicates"] += static_cast<int>(result.duplicates);
          claims_.insert(claims_.end(), result.claimed.begin(), result.claimed.end());
        }
      return show(results);
    });
  }

  void claim() {
    const ClaimRequest request{claimant_, {"default"}, static_cast<std::size_t>(pick(4))};
    same([&](Store& store) {
      const auto result = store.claim(request, now_);
      if (&store == &model_) claims_.insert(claims_.end(), result.runs.begin(), result.runs.end());
      return show(result);
    });
    same([&](Store& store) { return show(store.held(claimant_)); });
  }

  void finish() {
    std::vector<Finish> batch;
    for (int n = pick(4); n > 0 && !claims_.empty(); --n) {
      const auto at = static_cast<std::size_t>(pick(static_cast<int>(claims_.size())));
      constexpr RunStatus kEnds[] = {RunStatus::completed, RunStatus::failed, RunStatus::retrying,
                                     RunStatus::retrying,  RunStatus::dead,   RunStatus::cancelled};
      auto end = a_finish(claims_[at], kEnds[pick(6)], now_);
      if (pick(2) == 0) end.available_at = now_ + 1s * pick(4);
      if (pick(10) == 0) end.fence += 1;
      batch.push_back(end);
      // Some end twice, or late.
      if (pick(3) > 0) claims_.erase(claims_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    const auto answer =
        same([&](Store& store) { return show(store.finish(batch, claimant_, now_)); });
    for (const char* word : {"written\n", "lost", "released"})
      if (answer.find(word) != std::string::npos) ++outcomes_[word];
  }

  void hand_back() {
    if (claims_.empty()) return;
    const auto& run = claims_[static_cast<std::size_t>(pick(static_cast<int>(claims_.size())))];
    same([&](Store& store) {
      store.hand_back({{run.id, run.fence}}, claimant_);
      return show(store.run(run.id));
    });
  }

  // In steps of another size for each store: what has gone at the end is the same.
  void prune() {
    const PruneRequest request{.runs_before = now_ - 1s * pick(60),
                               .logs_before = now_ - 1s * pick(60)};
    same([&](Store& store) {
      auto step = request;
      step.limit = &store == &model_ ? 7 : 2;
      std::size_t gone = 0;
      int calls = 0;
      for (bool more = true; more; ++calls) {
        REQUIRE(calls < 1'000);
        const auto pruned = store.prune(step, now_);
        more = pruned.more;
        gone += pruned.runs + pruned.gaps;
      }
      if (&store == &model_) outcomes_["pruned"] += static_cast<int>(gone);
      return std::to_string(gone);
    });
    same([](Store& store) { return dump(store); });
  }

  void begin_session() {
    const auto owner = id_of<OwnerId>(++owners_);
    same([&](Store& store) {
      const auto session = store.begin_session(owner, now_);
      claimant_ = session.claimant;
      outcomes_["recovered"] += static_cast<int>(session.recovered);
      const auto mark = session.high_water.time_since_epoch().count();
      return std::to_string(session.claimant.epoch) + " " + std::to_string(session.revision) + " " +
             std::to_string(high_water_ == HighWater::same ? mark : 0) + " " +
             std::to_string(session.recovered);
    });
  }

  void read() {
    const auto status = pick_word<RunStatus>();
    const auto schedule = schedule_id(1 + pick(kSchedules));
    const auto flow = flow_id(1 + pick(kFlows));
    const auto from = now_ - 1s * pick(30);
    same([&](Store& store) { return show(store.changes_since(revision_)); });
    revision_ = model_.changes_since(revision_).revision;
    same([&](Store& store) { return show(store.load_due({}, now_ + 2s, 4)); });
    same([&](Store& store) {
      return show(store.load_due(DueCursor{from, schedule}, now_ + 2s, 4));
    });
    same([&](Store& store) { return show(store.counts()); });
    same([&](Store& store) { return show(store.gaps(schedule)); });
    same([&](Store& store) {
      return show(store.runs({.status = status, .due_from = from, .limit = 5, .offset = 1}));
    });
    same([&](Store& store) {
      return show(store.runs({.schedule_id = schedule, .due_to = from, .limit = 5}));
    });
    same([&](Store& store) {
      return show(store.runs({.flow_id = flow, .status = status, .limit = 5}));
    });
    same([&](Store& store) { return show(store.logs({.flow_id = flow, .limit = 5})); });
  }

  Store& model_;
  Store& store_;
  std::mt19937 random_;
  HighWater high_water_;
  Timestamp now_ = at(0);
  Claimant claimant_;
  std::vector<Run> claims_;  // some of them lost meanwhile
  std::int64_t revision_ = 0;
  int runs_ = 0;
  int owners_ = 0;
  std::map<std::string, int> outcomes_;
};

}  // namespace rruled::test
