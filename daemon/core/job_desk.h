#pragma once

#include "daemon/core/action.h"
#include "store/audience.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace rruled::core {

struct JobOptions {
  std::set<std::string> executors{};  // whose batch jobs the daemon spreads over their audience
  std::size_t max_audience = 500'000;
  std::size_t page = 500;       // children of one transaction
  std::size_t look_at = 5'000;  // persons that one transaction looks at
  std::size_t spread_max = 8;   // jobs that are spread at the same time, page by page in turn
  // How often jobs whose children run are looked at, and how often at least a shared store is, for
  // jobs of other daemons.
  std::chrono::milliseconds end_every{1'000};
  std::chrono::milliseconds end_at_least_every{15'000};
  std::chrono::milliseconds end_at_most_every{200};
};

// The batch jobs that this daemon spreads itself, and the end of those that are spread. Pure; part
// of the Planner, which claims the jobs and owns what else becomes of their runs. At most one
// action for spreading and one for ending is under way. A job that the store has trouble with rests
// for some seconds, while the others have their turns.
class JobDesk {
 public:
  // `shared`: several daemons have the store.
  JobDesk(JobOptions options, bool shared, Timestamp now)
      : options_(std::move(options)),
        shared_(shared),
        // Whatever the executors: what was spread before may have ended since.
        end_at_(now) {}

  // Other executors and another max_audience from now on; jobs under way go on.
  void set_executors(const JobOptions& options, Timestamp now);
  // Whether a claimed run is spread instead of delivered.
  [[nodiscard]] bool takes(const store::Run& run) const;
  void add(store::Run run);

  void step(Timestamp now, bool draining, std::vector<Action>& actions);
  [[nodiscard]] std::optional<Timestamp> next_wake(Timestamp now, bool draining) const;

  // What is to become of a job's run, besides what the store did.
  struct Outcome {
    std::vector<Notice> notices{};
    std::set<std::string> claim{};  // executors that have new pending runs
    bool released = false;          // a run became pending: of any executor
    // Ends now, as failed, with this error.
    std::optional<std::pair<store::Run, std::string>> failed{};
  };
  [[nodiscard]] Outcome take(JobOpened opened, Timestamp now);
  [[nodiscard]] Outcome take(FannedOut fanned, Timestamp now);
  [[nodiscard]] Outcome take(JobsEnded ended, Timestamp now);
  // The action under way failed. The job fails when the store refused what it says, or when it
  // failed again and again while the store wrote other things; until then it is tried again.
  [[nodiscard]] Outcome spread_failed(const std::string& error, bool refused, Timestamp now);
  // The store did something else that was to be written: it is not away.
  void store_wrote() { ++writes_; }
  void end_failed(Timestamp now);

  // A child of a job ended here: its job may have.
  void child_ended(Timestamp now);
  // Those whose claims are somebody else's now; gives their runs.
  [[nodiscard]] std::vector<store::Run> drop_lost(
      const std::function<bool(const store::Run&)>& is_ours);
  // Jobs that nothing is under way for, to be handed back.
  [[nodiscard]] std::vector<store::Run> give_back();

  // Claims of an executor that wait for their turn, or rest after a fault: they count as taken.
  [[nodiscard]] std::size_t waiting_for(const std::string& executor) const;
  void each_run(const std::function<void(const store::Run&)>& visit) const;
  [[nodiscard]] bool empty() const { return waiting_.empty() && spreading_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size() + spreading_.size(); }
  [[nodiscard]] bool idle() const { return !busy_ && !ending_; }

 private:
  struct Spreading {
    store::Run run;
    std::optional<store::PersonFilter> filter{};  // absent: not opened yet
    bool lost = false;
    int faults = 0;            // in a row, each after the store wrote something else
    Timestamp again_at{};      // after a fault
    std::uint64_t writes = 0;  // of the desk, at the last fault
  };
  [[nodiscard]] static bool rests(const Spreading& job, Timestamp now);
  [[nodiscard]] bool has_room(Timestamp now) const;
  [[nodiscard]] std::optional<Timestamp> next_turn_at(Timestamp now) const;
  void next_turn(Timestamp now, std::vector<Action>& actions);
  // The job of the action under way, taken out.
  [[nodiscard]] std::optional<Spreading> take_busy();

  JobOptions options_;
  const bool shared_;
  std::deque<store::Run> waiting_;
  std::deque<Spreading> spreading_;  // whose turn it is first
  bool busy_ = false;                // with the first one
  std::uint64_t writes_ = 0;
  bool ending_ = false;
  std::optional<Timestamp> end_at_;
  std::optional<store::RunId> end_after_;
};

}  // namespace rruled::core
