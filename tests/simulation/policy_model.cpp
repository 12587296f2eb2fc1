#include "tests/simulation/policy_model.h"

#include "daemon/core/run_identity.h"
#include "store/run_rules.h"

#include <algorithm>
#include <map>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using store::CatchupPolicy;
using store::GapReason;
using store::OverlapPolicy;
using store::Run;
using store::RunStatus;

// How long a daemon that is there may take to see what is due: it looks each second.
constexpr milliseconds kReaction{2'500};
constexpr std::size_t kCatchupRunsMax = 100;
constexpr std::size_t kWaitingMax = 100;

class Model {
 public:
  Model(const store::Schedule& schedule,
        std::vector<Run> runs,
        const std::vector<store::Gap>& gaps,
        const Life& life)
      : schedule_(schedule), gaps_(gaps), life_(life), runs_(std::move(runs)) {
    std::ranges::sort(runs_, {}, [](const Run& run) { return *run.scheduled_for; });
    for (const Run& run : runs_) by_time_[*run.scheduled_for] = &run;
  }

  std::vector<std::string> problems() {
    one_outcome_each();
    for (const Run& run : runs_) check_run(run);
    for (const store::Gap& gap : gaps_) check_gap(gap);
    check_catchups();
    check_concurrency();
    return std::move(problems_);
  }

 private:
  void wrong(Instant time, const std::string& what) {
    problems_.push_back(schedule_.rrule + " catchup " + std::string(word(schedule_.catchup)) +
                        " grace " + std::to_string(schedule_.catchup_grace.count()) + " overlap " +
                        std::string(word(schedule_.overlap)) + " max_running " +
                        std::to_string(schedule_.max_running) + " at " + core::rfc3339(time) +
                        ": " + what);
  }

  [[nodiscard]] Timestamp last_due(Instant time) const { return time + schedule_.jitter; }
  [[nodiscard]] bool was_late(const Run& run) const {
    return run.created_at - run.due_at > schedule_.catchup_grace;
  }

  void one_outcome_each() {
    if (!schedule_.settled_to) return wrong(schedule_.starts_at, "nothing was settled");
    std::size_t counted = 0;
    std::size_t in_gaps = 0;
    for (const store::Gap& gap : gaps_) in_gaps += gap.count;
    for (Instant t = schedule_.starts_at; t <= *schedule_.settled_to; t += life_.interval) {
      const auto covering = std::ranges::count_if(
          gaps_, [&](const store::Gap& gap) { return gap.from <= t && t <= gap.to; });
      const auto outcomes = covering + static_cast<long>(by_time_.count(t));
      counted += static_cast<std::size_t>(covering);
      if (outcomes != 1) wrong(t, std::to_string(outcomes) + " outcomes");
    }
    if (counted != in_gaps) wrong(schedule_.starts_at, "the gaps count what is not there");
  }

  void check_run(const Run& run) {
    const Instant time = *run.scheduled_for;
    if ((time - schedule_.starts_at) % life_.interval != 0s) wrong(time, "no occurrence");
    if (run.due_at < time || run.due_at > last_due(time)) wrong(time, "jitter out of bounds");
    if (run.created_at < run.due_at) wrong(time, "settled before it was due");
    if (!store::is_final(run.status)) wrong(time, "has not ended");
    if (const auto* pause = life_.pause_at(run.created_at);
        pause != nullptr && run.created_at > pause->from && run.created_at < pause->to)
      wrong(time, "settled while paused");
    if (run.attempts > schedule_.retry.max_attempts + 6)  // each loss of a daemon costs one
      wrong(time, std::to_string(run.attempts) + " attempts");
    if (run.status == RunStatus::skipped) check_skipped(run);
    if (run.status == RunStatus::cancelled && !is_rightly_cancelled(run))
      wrong(time, "cancelled: " + run.reason);
  }

  [[nodiscard]] bool is_rightly_cancelled(const Run& run) const {
    if (run.reason == "overlap") return schedule_.overlap == OverlapPolicy::cancel_other;
    const auto window =
        std::max<milliseconds>({schedule_.catchup_window, life_.interval, schedule_.catchup_grace});
    return run.reason == "catchup_window" && run.attempts <= 1 &&
           *run.finished_at - run.due_at >= window;
  }

  // Runs of the schedule that had been made and had not ended when `run` was settled.
  [[nodiscard]] std::vector<const Run*> live_beside(const Run& run) const {
    std::vector<const Run*> live;
    for (const Run& other : runs_) {
      const bool made =
          other.created_at < run.created_at ||
          (other.created_at == run.created_at && *other.scheduled_for < *run.scheduled_for);
      const bool ended = other.finished_at && *other.finished_at < run.created_at;
      if (made && !ended && other.status != RunStatus::skipped) live.push_back(&other);
    }
    return live;
  }

  void check_skipped(const Run& run) {
    const Instant time = *run.scheduled_for;
    const auto live = live_beside(run);
    if (run.reason == "buffer_full" && schedule_.overlap == OverlapPolicy::buffer_all) {
      if (live.size() < kWaitingMax) wrong(time, "buffer full of " + std::to_string(live.size()));
      return;
    }
    if (run.reason != "overlap") return wrong(time, "skipped: " + run.reason);
    const bool one_waits = std::ranges::any_of(live, [&](const Run* other) {
      return !other->started_at || *other->started_at >= run.created_at;
    });
    if (schedule_.overlap != OverlapPolicy::skip && schedule_.overlap != OverlapPolicy::buffer_one)
      wrong(time, "skipped by another policy");
    if (live.size() < static_cast<std::size_t>(schedule_.max_running))
      wrong(time, "skipped beside " + std::to_string(live.size()));
    if (schedule_.overlap == OverlapPolicy::buffer_one && !one_waits)
      wrong(time, "skipped although it could have waited");
  }

  // A pause that ends with catch-up leaves what passed in it to the policy, as if nobody had been
  // there.
  [[nodiscard]] bool could_be_settled(Instant time) const {
    // Any time at which it was due and merely late.
    for (Timestamp from = last_due(time); from + kReaction <= time + schedule_.catchup_grace;
         from += 500ms)
      if (life_.up.some_throughout(from, from + kReaction) && !life_.pause_at(from) &&
          !life_.pause_at(from + kReaction))
        return true;
    return false;
  }

  void check_gap(const store::Gap& gap) {
    for (Instant t = gap.from; t <= gap.to; t += life_.interval) {
      if (gap.reason == GapReason::missed) {
        if (could_be_settled(t)) wrong(t, "missed although somebody was there");
      } else if (gap.reason == GapReason::paused) {
        const bool paused = std::ranges::any_of(life_.pauses, [&](const Life::Pause& pause) {
          // Due before it, but not settled yet.
          return pause.catch_up == core::CatchUp::none &&
                 t + schedule_.jitter + kReaction + 155s >= pause.from && t <= pause.to;
        });
        if (!paused) wrong(t, "paused when it was not");
      } else {
        wrong(t, "a gap for " + std::string(word(gap.reason)));
      }
    }
  }

  // The late runs that were settled together: what was due when the schedule was resumed goes by
  // the policy of that, what came later by its own.
  void check_catchups() {
    std::map<Timestamp, std::vector<const Run*>> late;
    for (const Run& run : runs_)
      if (was_late(run)) late[run.created_at].push_back(&run);
    for (const auto& [when, made] : late) {
      const Life::Pause* latest = nullptr;
      for (const auto& pause : life_.pauses)
        if (pause.to <= when) latest = &pause;
      const auto resumed = latest ? latest->to : Timestamp::min();
      // Whether it was due by then is up to its jitter.
      if (std::ranges::any_of(made, [&](const Run* run) {
            return run->scheduled_for <= resumed && last_due(*run->scheduled_for) > resumed;
          }))
        continue;
      const auto later =
          std::ranges::find_if(made, [&](const Run* run) { return *run->scheduled_for > resumed; });
      if (latest)
        check_made(when, {made.begin(), later}, resumed,
                   core::other_policy(latest->catch_up).value_or(schedule_.catchup));
      check_made(when, {later, made.end()}, Timestamp::max(), schedule_.catchup);
    }
  }

  void check_made(Timestamp when,
                  const std::vector<const Run*>& made,
                  Timestamp until,
                  CatchupPolicy policy) {
    if (made.empty()) return;
    const Instant newest = *made.back()->scheduled_for;
    const milliseconds window = std::max<milliseconds>(schedule_.catchup_window, life_.interval);
    if (policy == CatchupPolicy::none) wrong(newest, "made up for");
    if (policy == CatchupPolicy::last && made.size() > 1)
      wrong(newest, std::to_string(made.size()) + " made up for");
    if (made.size() > kCatchupRunsMax) wrong(newest, "more than the cap made up for");
    for (const Run* run : made)
      if (when - run->due_at > window) wrong(*run->scheduled_for, "older than the window");
    // The newest ones: what follows is a run, too.
    for (Instant t = *made.front()->scheduled_for + life_.interval;
         last_due(t) + schedule_.catchup_grace < when && last_due(t) <= until; t += life_.interval)
      if (!by_time_.contains(t)) wrong(t, "passed over by a catch-up");
  }

  // At most max_running at one time, however many daemons died meanwhile.
  void check_concurrency() {
    if (schedule_.overlap == OverlapPolicy::allow ||
        schedule_.overlap == OverlapPolicy::cancel_other)
      return;
    for (const Run& run : runs_) {
      // One whose daemon died during its last attempt ends without being sent again.
      if (!run.started_at || !run.finished_at || *run.finished_at == *run.started_at) continue;
      const auto at_once = std::ranges::count_if(runs_, [&](const Run& other) {
        return other.started_at && *other.started_at <= *run.started_at && other.finished_at &&
               *other.finished_at > *run.started_at;
      });
      if (at_once > schedule_.max_running)
        wrong(*run.scheduled_for, std::to_string(at_once) + " at one time");
    }
  }

  const store::Schedule& schedule_;
  const std::vector<store::Gap>& gaps_;
  const Life& life_;
  std::vector<Run> runs_;
  std::map<Instant, const Run*> by_time_;
  std::vector<std::string> problems_;
};

}  // namespace

bool Up::some_throughout(Timestamp from, Timestamp to) const {
  for (std::size_t daemon = 0; daemon < daemons; ++daemon)
    if (std::ranges::none_of(absent, [&](const Absence& each) {
          return each.daemon == daemon && each.from <= to && each.to >= from;
        }))
      return true;
  return false;
}

const Life::Pause* Life::pause_at(Timestamp time) const {
  const auto found = std::ranges::find_if(
      pauses, [&](const Pause& pause) { return pause.from <= time && time <= pause.to; });
  return found == pauses.end() ? nullptr : &*found;
}

std::vector<std::string> model_problems(const store::Schedule& schedule,
                                        std::vector<Run> runs,
                                        const std::vector<store::Gap>& gaps,
                                        const Life& life) {
  return Model(schedule, std::move(runs), gaps, life).problems();
}

}  // namespace rruled::test
