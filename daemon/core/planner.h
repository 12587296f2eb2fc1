#pragma once

#include "daemon/core/action.h"
#include "daemon/core/fair_queue.h"
#include "daemon/core/job_desk.h"
#include "daemon/core/store_failures.h"
#include "daemon/core/timer_wheel.h"
#include "daemon/core/timetable.h"
#include "rrule/zone_database.h"
#include "store/store.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace rruled::core {

struct PlannerOptions {
  // Executors of this daemon and how many of their runs may be in flight at once. A run for another
  // name is settled but left pending, for a daemon that has it.
  std::map<std::string, std::size_t> executors;
  std::size_t max_in_flight = 256;
  std::chrono::milliseconds horizon{60'000};  // how far ahead the wheel is filled from the store
  std::size_t load_page = 2'000;
  std::size_t armed_max = 100'000;  // schedules in memory: further ones wait in the store's index
  std::size_t settle_batch = 500;   // schedules, at most; less while little is due
  // So long what is due may wait for a slot of its executor, here or at another daemon, before it
  // is written down as a pending run: a run that is sent at once costs one write less.
  std::chrono::milliseconds settle_hold{10'000};
  std::size_t finish_batch = 500;
  // Of log lines of runs whose ends are not written yet: beyond it no more runs are taken. As much
  // as is kept of a hundred commands that end at once.
  std::size_t unwritten_bytes_max = 512 * 1024 * 1024;
  // Session::claim_ttl: the claims held are extended, and those that lapsed recovered, every third
  // of it.
  std::optional<std::chrono::milliseconds> claim_ttl{};
  std::chrono::milliseconds claim_poll{
      5'000};  // with claim_ttl: runs are asked for at least so often
  JobOptions jobs{};
  // Of executors; one that is not here, or whose `failures` is 0, has no breaker.
  std::map<std::string, BreakerOptions> breakers{};
  std::set<std::string> tracked{};  // executors whose accepted batch jobs this daemon asks about
  // With a breaker open: how often runs whose time is over are ended; else each sixth time.
  std::chrono::milliseconds expire_every{10'000};
  // Differs between daemons: after an outage they do not come back in the same moment.
  std::uint64_t seed = 0;
};

// Turns "now", stored rows and completions into actions: which schedules to settle, which runs to
// claim, deliver, finish or give back. No I/O, no clock, no threads; at most one store action of
// each kind is under way.
//
//   Planner planner{options, zones, now};
//   for (Action& action : planner.step(now)) perform(std::move(action));  // later:
//   planner.complete(..)
//
// Completions must be fed in the order in which the store did the work, but for Loaded, which may
// come from before what others say. step() after each of them and at next_wake(). The same calls
// give the same actions.
class Planner {
 public:
  Planner(PlannerOptions options, const rrule::ZoneDatabase& zones, Timestamp now);

  [[nodiscard]] std::vector<Action> step(Timestamp now);
  void complete(Completion completion, Timestamp now);

  // When step() has something to do next, if no completion comes before.
  [[nodiscard]] std::optional<Timestamp> next_wake(Timestamp now) const;

  // No new settle or claim from now on; runs in flight go on to their end, the others are given
  // back.
  void drain() { draining_ = true; }
  // Nothing is under way any more.
  [[nodiscard]] bool drained() const;

  // What the store was asked has not come back for long, or has by now.
  void set_store_silent(bool silent) { store_silent_ = silent; }

  // Zones were read anew: timings are compiled again when next needed.
  void forget_timetables();

  // The configuration was read anew. Runs in flight go on, those of an executor that is gone, too;
  // what waits for one that is gone is given back.
  void set_executors(const std::map<std::string, std::size_t>& executors,
                     std::size_t max_in_flight,
                     const JobOptions& jobs,
                     std::set<std::string> tracked,
                     Timestamp now);
  // After it. A breaker whose options are as they were keeps its state.
  void set_breakers(std::map<std::string, BreakerOptions> breakers);

  struct Load {
    std::size_t armed = 0;      // schedules in the wheel's horizon
    std::size_t ready = 0;      // due, waiting to be settled
    std::size_t held = 0;       // due, waiting for a slot until then: settle_hold
    std::size_t queued = 0;     // claimed, waiting for a free slot
    std::size_t in_flight = 0;  // being delivered
    std::size_t unwritten = 0;  // have ended, or go back unsent; the store does not know yet
    bool horizon_loaded = false;
    bool store_away = false;  // some kind of call failed, and has not worked since; or it is silent
  };
  [[nodiscard]] Load load() const;
  // Its executors, and whether what is due to them waits as every slot has a run: their own, or all
  // of this daemon. False while the breaker is not closed.
  [[nodiscard]] std::map<std::string, bool> full_executors() const;

 private:
  // An executor of ours: its runs, and room for more. What one lane has never takes from another's
  // cap.
  struct Lane {
    std::size_t cap = 0;
    std::size_t in_flight = 0;
    std::size_t reserved_to_settle = 0;  // asked of the store, not answered yet
    std::size_t reserved_to_claim = 0;
    std::deque<store::Run> queue;       // claimed, not sent
    std::size_t jobs_waiting = 0;       // claimed, for their turn to be spread
    std::optional<Timestamp> claim_at;  // when the store may have runs for it
    Timestamp rests_until;              // this machine lacked what a delivery needs
    Breaker breaker{BreakerOptions{}};
    [[nodiscard]] std::optional<Timestamp> claims_at() const {
      return claim_at ? std::optional(std::max(*claim_at, rests_until)) : std::nullopt;
    }
    [[nodiscard]] std::size_t runs() const { return in_flight + queue.size() + jobs_waiting; }
    [[nodiscard]] std::size_t taken() const {
      return runs() + reserved_to_settle + reserved_to_claim;
    }
  };
  struct Entry {
    store::DueSchedule row;
    std::shared_ptr<const ExcludedDays> days;  // of its calendar
    std::optional<Timetable> timetable;
    TimerHandle timer;
    bool settling = false;
    std::string refusal;                         // the store will not settle it: to be quarantined
    std::unique_ptr<store::DueSchedule> edited;  // written by somebody while this one was settling
    bool deleted = false;
  };
  // Schedules that are due.
  struct Ready {
    FairQueue<store::ScheduleId> queue;
    // Until when each waits for a free slot; some of them are settled already, or moved.
    std::multimap<Timestamp, store::ScheduleId> held;
  };
  struct InFlight {
    store::Run run;
    bool cancelled = false;
    bool lost = false;  // another daemon took the claim over
    Breaker::Ticket ticket = 0;
  };
  struct Ending {  // an attempt's end on its way to the store
    store::Finish finish;
    store::Run run;
    Report report;
    bool cancelled = false;      // while it was in flight
    std::size_t text_bytes = 0;  // of its log lines
  };
  using Actions = std::vector<Action>;

  // planner.cpp
  void clock_set_back(Timestamp now);
  void note_success(const Completion& completion, Timestamp now);
  void note_failure(const StoreFailed& failed, Timestamp now);
  void note_failed_settle(const StoreFailed& failed);
  void note_failed_finish(const StoreFailed& failed);
  [[nodiscard]] bool may_look_back(Timestamp now) const;
  void load_horizon(Timestamp now, Actions& actions);
  void read_horizon_again();
  void take(Loaded loaded);
  [[nodiscard]] bool has_room_to_load() const;
  // Whether this row is one of those that entries_ shall have.
  [[nodiscard]] bool in_horizon(const store::DueCursor& position) const;
  void take(const Changed& changed, Timestamp now);
  [[nodiscard]] bool store_rests(Timestamp now) const { return failures_.rests(now); }

  // planner_settle.cpp
  void arm(store::DueSchedule row);
  void arm_overdue(store::DueSchedule row);
  void arm_again(Entry& entry);
  void arm_timer(Entry& entry);  // for its next_due_at, which it has
  // Whether entries_ shall have it: it fires, and soon.
  [[nodiscard]] bool is_awaited(const store::DueSchedule& row) const;
  void forget(store::ScheduleId id);
  [[nodiscard]] std::shared_ptr<const ExcludedDays> days_of(const std::string& text);
  void settle_due(Timestamp now, Actions& actions);
  void settle_upto(std::size_t limit, std::size_t share, Timestamp now, Settle& settle);
  void settle_due_of(FairQueue<store::ScheduleId>& queue,
                     std::size_t limit,
                     Timestamp now,
                     Settle& settle);
  void settle_held(Ready& ready, std::size_t limit, Timestamp now, Settle& settle);
  void settle_one(Entry& entry, Timestamp now, Settle& settle);
  [[nodiscard]] Timestamp held_until(const store::Schedule& schedule) const;
  void make_ready(store::ScheduleId id, bool first);
  [[nodiscard]] std::size_t ready_count() const;
  [[nodiscard]] store::Settlement settlement_of(Entry& entry, Timestamp now);
  void plan_runs(Entry& entry, Timestamp now, store::Settlement& out);
  void take(Settled settled, Timestamp now);
  void take_one(const store::Settlement& asked, store::SettleResult result, Timestamp now);

  // planner_claims.cpp
  void keep_claims(Timestamp now, Actions& actions);
  void take(const Extended& extended);
  void look_for_unknown(const Extended& extended);
  void take(Recovered recovered, Timestamp now);
  [[nodiscard]] bool holds_claims() const;
  [[nodiscard]] bool may_hold_claims() const { return holds_claims() || !unknown_.empty(); }
  void extend_soon(Timestamp now);

  // planner_runs.cpp
  void claim_by(Timestamp at);  // for every lane
  void claim_by(const std::string& executor, Timestamp at);
  [[nodiscard]] std::size_t free_slots(const Lane& lane) const;
  void enqueue(store::Run run);
  void claim(Timestamp now, Actions& actions);
  void take(Claimed claimed, Timestamp now);
  void take(Held held, Timestamp now);
  // Each claim that we know of, with its fence.
  [[nodiscard]] std::set<std::pair<store::RunId, std::int64_t>> known_claims() const;
  void start_deliveries(Timestamp now, Actions& actions);
  void take(Delivered delivered, Timestamp now);
  [[nodiscard]] Ending ending_of(InFlight&& flight, Report&& report, Timestamp now) const;
  void finish(Timestamp now, Actions& actions);
  void take(Finished finished, Timestamp now);
  void tell_shortage(const std::string& error, Timestamp now);
  [[nodiscard]] Notice notice_of(Ending ending, const store::FinishResult& result) const;
  void give_back(std::deque<store::Run>& runs, Timestamp now);
  void hand_back(Timestamp now, Actions& actions);

  // planner_load.cpp
  [[nodiscard]] bool is_full(const Lane& lane) const;

  // planner_lateness.cpp
  void note_lateness(const store::Run& run, Timestamp at);

  // planner_cancel.cpp
  void cancel_wished(const std::vector<store::RunId>& ids);
  void cancel_deliveries(Actions& actions);
  [[nodiscard]] bool end_unsent(store::Run& run, Timestamp now);
  [[nodiscard]] bool end_too_old(store::Run& run, Timestamp now);

  // planner_breaker.cpp
  void look_at_breakers(Timestamp now, Actions& actions);
  void expire_runs(std::vector<std::string> executors, Timestamp now, Actions& actions);
  [[nodiscard]] Timestamp looks_after_since(Timestamp now) const;
  void note_answer(const InFlight& flight, const Report& report, Timestamp now);
  void tell(const std::string& executor, const Breaker& breaker);
  void take(Expired expired, Timestamp now);

  // planner_jobs.cpp
  void work_on_jobs(Timestamp now, Actions& actions);
  void take(JobDesk::Outcome outcome, Timestamp now);

  // Every part.
  void notify(Notice notice) { notices_.push_back(std::move(notice)); }

  PlannerOptions options_;  // but for what set_executors() changes, constant after construction
  const rrule::ZoneDatabase& zones_;

  // Schedules in the horizon.
  std::unordered_map<store::ScheduleId, Entry> entries_;
  // By their text: the schedules of one calendar share it.
  std::map<std::string, std::weak_ptr<const ExcludedDays>> calendars_;
  TimerWheel<store::ScheduleId> wheel_;
  std::map<std::string, Ready> ready_;       // by executor
  std::optional<Timestamp> settle_at_;       // for those that wait for a free slot, if none comes
  std::vector<store::Settlement> settling_;  // asked of the store; runs taken out
  std::size_t settle_limit_;                 // halved while a refused row is looked for
  std::size_t finish_limit_;
  // Everything up to this position was loaded, this one included.
  std::optional<store::DueCursor> loaded_;
  Timestamp loading_to_;      // the load under way or the last one goes to it
  bool more_to_load_ = true;  // before loading_to_
  bool loading_ = false;
  bool ever_loaded_ = false;
  bool load_is_old_ = false;   // the one under way may have been read before what changed
  bool looking_back_ = false;  // the one under way is for what is overdue
  Timestamp look_back_at_;
  std::optional<store::DueCursor> look_back_from_;  // absent: from the beginning

  // Runs.
  std::map<std::string, Lane> lanes_;
  std::deque<store::Run> strays_;  // claimed for an executor that is not ours: given back
  std::unordered_map<store::RunId, InFlight> in_flight_;
  std::deque<Ending> endings_;
  std::vector<Ending> finishing_;
  std::size_t unwritten_bytes_ = 0;  // the log lines of both
  std::vector<store::HandBack> to_hand_back_;
  std::vector<store::HandBack> handing_back_;
  std::vector<store::RunId> to_cancel_;
  std::vector<store::RunId> lost_;              // in flight, claim taken over
  std::unordered_set<store::ScheduleId> late_;  // whose last run here started late
  JobDesk jobs_;
  std::string claimed_last_;  // lanes take turns
  Lane* claiming_ = nullptr;
  Lane gone_;              // claiming_ when its executor is gone
  bool in_doubt_ = false;  // a settle or claim may have been committed unseen
  std::set<std::pair<store::RunId, std::int64_t>> unknown_;  // at the last Extended or Held
  bool reviewing_ = false;
  Timestamp extend_at_;
  Timestamp recover_at_;
  bool extending_ = false;
  bool recovering_ = false;
  std::optional<Timestamp> expire_at_;
  bool expiring_ = false;

  bool draining_ = false;
  Timestamp stepped_at_;  // the last step()
  Timestamp shortage_told_at_{};
  Timestamp looks_after_since_;  // its executors, with a store that answered
  bool correct_waits_ = true;    // a clock before this one may have been ahead
  StoreFailures failures_;
  bool store_silent_ = false;
  std::vector<Notice> notices_;
};

}  // namespace rruled::core
