#pragma once

#include "daemon/core/planner.h"
#include "daemon/io/store_work.h"
#include "rrule/zone_database.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rruled::test {

using store::Instant;
using store::Timestamp;

// "2026-03-01T00:00:00Z".
[[nodiscard]] Instant at(const char* text);

// The engine in a world of its own: the real planner, once for each daemon, a real store, time that
// is a number, and a receiver that remembers what reached it. A crash drops a planner and
// everything under way in it; what the store committed and what the receiver got stays. A daemon
// that is paused does nothing, and goes on with what it knew.
class Simulation {
 public:
  struct Sent {
    std::string key;
    std::string body;
    int attempt;
    Instant scheduled_for;
    store::ScheduleId schedule_id;
    Timestamp sent_at;
    Timestamp due_at;
  };
  struct Options {
    // Crash after so many actions, by turns before the action, and after it but before the engine
    // hears of it. 0: never.
    std::uint64_t crash_every = 0;
    core::PlannerOptions planner = default_planner();
    std::size_t daemons = 1;
    // What the receiver answers and how long it takes.
    std::function<core::Report(const store::Run&)> answer = [](const store::Run&) {
      return core::Report{};
    };
    std::chrono::milliseconds answer_takes{0};
    [[nodiscard]] static core::PlannerOptions default_planner();
  };

  // `store` outlives the simulation.
  Simulation(store::Store& store, Timestamp start, Options options);

  // A flow with one schedule. Fields not given are defaults.
  store::ScheduleId add(const std::string& rrule,
                        Instant starts_at,
                        const std::string& timezone,
                        const std::function<void(store::Schedule&)>& adjust = {});

  void run_until(Timestamp end);
  // The wall clock is set.
  void step_clock(std::chrono::milliseconds by) { now_ += by; }
  // From now on the receiver takes so long.
  void answer_within(std::chrono::milliseconds takes) { options_.answer_takes = takes; }
  void crash(std::size_t daemon = 0);
  // All daemons are down until then.
  void down_until(Timestamp then);
  void pause(std::size_t daemon, Timestamp until) { daemons_.at(daemon).paused_until = until; }

  [[nodiscard]] Timestamp now() const { return now_; }
  [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }
  [[nodiscard]] const std::vector<core::Notice>& notices() const { return notices_; }
  [[nodiscard]] std::uint64_t crashes() const { return crashes_; }
  [[nodiscard]] std::uint64_t actions() const { return actions_; }
  [[nodiscard]] store::Store& store() { return store_; }
  [[nodiscard]] const rrule::ZoneDatabase& zones() const { return zones_; }
  void keep_notices(bool keep) { keep_notices_ = keep; }

 private:
  struct Pending {
    store::RunId run_id;
    core::Report report;
  };
  struct Daemon {
    std::unique_ptr<core::Planner> planner;
    std::unique_ptr<io::StoreWork> work;
    std::int64_t revision = 0;
    std::optional<std::chrono::milliseconds> claim_ttl;
    std::map<store::RunId, Timestamp> claims_end;  // when claims lapse
    std::multimap<Timestamp, Pending> deliveries;
    Timestamp paused_until;
  };
  void start(Daemon& daemon);
  // False when the daemon died meanwhile; `busy` when it did something.
  [[nodiscard]] bool turn(Daemon& daemon, bool& busy);
  void turn_all();
  [[nodiscard]] bool perform(Daemon& daemon, core::Action action);
  [[nodiscard]] std::optional<core::Completion> do_action(Daemon& daemon, core::Action& action);
  void note_claims(Daemon& daemon, const core::Completion& completion) const;
  void deliver(Daemon& daemon, const store::Run& run);
  [[nodiscard]] Timestamp next_moment(Timestamp end) const;

  store::Store& store_;
  Options options_;
  rrule::ZoneDatabase zones_;
  Timestamp now_;
  std::vector<Daemon> daemons_;
  std::vector<Sent> sent_;
  std::vector<core::Notice> notices_;
  bool keep_notices_ = true;
  std::uint64_t actions_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t owners_ = 0;
  std::uint64_t ids_ = 0;
};

// The instants of a schedule that the store accounts for: its runs, with those of the gaps counted.
struct Account {
  std::vector<Instant> runs;  // in order
  std::uint64_t in_gaps = 0;
};
[[nodiscard]] std::map<store::ScheduleId, Account> accounts_of(store::Store& store);
[[nodiscard]] Account account_of(store::Store& store, store::ScheduleId id);

}  // namespace rruled::test
