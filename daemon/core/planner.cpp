#include "daemon/core/planner.h"

#include "daemon/core/overloaded.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;

// Further back was no step of the clock, but how a measurement of the store's differs from another.
constexpr milliseconds kStepBackMin{1'000};
// How often what is overdue for so long is looked for in a store that other servers can follow, and
// when it goes on after a page: a paused project can have a million that are.
constexpr milliseconds kLookBackEvery{60'000};
constexpr milliseconds kLookOnAfter{1'000};
constexpr milliseconds kOverdue{5'000};
// When runs that were given back are asked for again: they may be ours to send, and nobody says so.
constexpr milliseconds kHandedBackRest{1'000};
// When jobs that have ended are looked for again after a row made the store refuse that.
constexpr milliseconds kRefusedRest{15'000};

// Of which a refusal is said nowhere else: no row that was asked for is at fault.
bool looks_by_itself(StoreFailed::What what) {
  using enum StoreFailed::What;
  return what == expire || what == recover || what == end_jobs;
}

// More than an answer: a store may take nothing, and answer all the same.
bool wrote(const Completion& completion) {
  const auto is_settled = [](const store::SettleResult& result) {
    return result.kind == store::SettleResult::Kind::settled;
  };
  const auto is_written = [](const store::FinishResult& result) { return result.written; };
  return std::visit(
      Overloaded{
          [&](const Settled& settled) { return std::ranges::any_of(settled.results, is_settled); },
          [&](const Finished& ended) { return std::ranges::any_of(ended.results, is_written); },
          [](const Claimed& claimed) { return !claimed.result.runs.empty(); },
          [](const HandedBack&) { return true; }, [](const FannedOut&) { return true; },
          [](const auto&) { return false; }},
      completion);
}

}  // namespace

Planner::Planner(PlannerOptions options, const rrule::ZoneDatabase& zones, Timestamp now)
    : options_(std::move(options)),
      zones_(zones),
      wheel_(now),
      settle_limit_(options_.settle_batch),
      finish_limit_(options_.finish_batch),
      loading_to_(now),
      look_back_at_(now + kLookBackEvery),
      jobs_(options_.jobs, options_.claim_ttl.has_value(), now),
      extend_at_(now),
      recover_at_(now),
      stepped_at_(now),
      looks_after_since_(now),
      failures_(options_.seed) {
  for (const auto& [name, cap] : options_.executors) {
    Lane lane;
    lane.cap = cap;
    lane.claim_at = now;
    if (const auto found = options_.breakers.find(name); found != options_.breakers.end())
      lane.breaker = Breaker(found->second);
    lanes_.emplace(name, std::move(lane));
  }
}

std::vector<Action> Planner::step(Timestamp now) {
  Actions actions;
  if (now < stepped_at_ - kStepBackMin) clock_set_back(now);
  stepped_at_ = now;
  if (!draining_) {
    std::vector<TimerWheel<store::ScheduleId>::Fired> fired;
    wheel_.advance(now, fired);
    for (const auto& each : fired) make_ready(each.id, false);
  }
  look_at_breakers(now, actions);
  if (!store_rests(now)) {
    keep_claims(now, actions);
    finish(now, actions);
    const bool writing =
        !settling_.empty() || claiming_ || !finishing_.empty() || !handing_back_.empty();
    const bool may_review = !failures_.rests(StoreFailed::What::review, now);
    if (in_doubt_ && !reviewing_ && !writing && may_review) {
      reviewing_ = true;
      actions.emplace_back(ReviewHeld{});
    }
    if (!draining_ && !in_doubt_) {
      claim(now, actions);
      settle_due(now, actions);
    }
    if (!draining_) load_horizon(now, actions);
    hand_back(now, actions);
  }
  start_deliveries(now, actions);
  if (!store_rests(now)) {
    work_on_jobs(now, actions);
    finish(now, actions);  // what cannot be sent any more
  }
  for (const Action& action : actions) failures_.asked(action);
  actions.reserve(actions.size() + notices_.size());
  for (Notice& notice : notices_) actions.emplace_back(std::move(notice));
  notices_.clear();
  return actions;
}

// What waits for a time that was computed with the clock before.
void Planner::clock_set_back(Timestamp now) {
  for (auto& [id, entry] : entries_) {
    if (!entry.settling) arm_timer(entry);
  }
  for (auto& [name, lane] : lanes_) lane.rests_until = {};
  claim_by(now);
  failures_.clock_set_back(now);
  look_back_at_ = std::min(look_back_at_, now + kLookBackEvery);
  looks_after_since_ = now;
  correct_waits_ = true;
  expire_at_ = now;
}

void Planner::complete(Completion completion, Timestamp now) {
  note_success(completion, now);
  std::visit(Overloaded{[&](Loaded& loaded) { take(std::move(loaded)); },
                        [&](Settled& settled) { take(std::move(settled), now); },
                        [&](Claimed& claimed) { take(std::move(claimed), now); },
                        [&](Held& held) { take(std::move(held), now); },
                        [&](const Extended& extended) {
                          take(extended);
                          if (!std::ranges::all_of(extended.claims, &store::HeldClaim::extended))
                            extend_soon(now);
                        },
                        [&](Recovered recovered) { take(recovered, now); },
                        [&](Delivered& delivered) { take(std::move(delivered), now); },
                        [&](Finished& finished) { take(std::move(finished), now); },
                        [&](HandedBack&) {
                          handing_back_.clear();
                          claim_by(now + kHandedBackRest);
                        },
                        [&](JobOpened& opened) { take(jobs_.take(std::move(opened), now), now); },
                        [&](FannedOut& fanned) { take(jobs_.take(std::move(fanned), now), now); },
                        [&](JobsEnded& ended) { take(jobs_.take(std::move(ended), now), now); },
                        [&](JobCancelled&) { jobs_.child_ended(now); },
                        [&](Expired& expired) { take(std::move(expired), now); },
                        [&](Changed& changed) { take(changed, now); },
                        [&](StoreFailed& failed) { note_failure(failed, now); }},
             completion);
}

void Planner::note_success(const Completion& completion, Timestamp now) {
  if (std::holds_alternative<StoreFailed>(completion) ||
      std::holds_alternative<Delivered>(completion))
    return;
  const auto since = looks_after_since(now);
  if (failures_.answered(completion, now)) {
    look_back_from_.reset();
    look_back_at_ = std::min(look_back_at_, now + kOverdue);
  }
  if (!failures_.away()) looks_after_since_ = since;
  if (wrote(completion)) jobs_.store_wrote();
}

void Planner::note_failure(const StoreFailed& failed, Timestamp now) {
  using What = StoreFailed::What;
  if (!failed.refused || looks_by_itself(failed.what))
    notify({.kind = Notice::Kind::store_failed, .text = failed.error});
  // What fails for one job alone says nothing of the store: the job rests by itself.
  if (!failed.refused && failed.what != What::spread) extend_at_ = now;
  failures_.failed(failed, now);
  switch (failed.what) {
    case What::load:
      loading_ = load_is_old_ = looking_back_ = false;
      break;
    case What::settle:
      note_failed_settle(failed);
      break;
    case What::claim:
      in_doubt_ = true;
      claiming_->reserved_to_claim = 0;
      claiming_->claim_at = now;
      claiming_ = nullptr;
      break;
    case What::review:
      reviewing_ = false;
      break;
    case What::extend:
      extending_ = false;
      break;
    case What::recover:
      recovering_ = false;
      if (!failed.refused) recover_at_ = now;
      break;
    case What::finish:
      note_failed_finish(failed);
      break;
    case What::hand_back:
      to_hand_back_.insert(to_hand_back_.end(), handing_back_.begin(), handing_back_.end());
      handing_back_.clear();
      break;
    case What::spread:
      take(jobs_.spread_failed(failed.error, failed.refused, now), now);
      break;
    case What::end_jobs:
      jobs_.end_failed(failed.refused ? now + kRefusedRest
                                      : std::max(now, failures_.again_at(What::end_jobs)));
      break;
    case What::expire:
      expiring_ = false;
      if (!failed.refused) expire_at_ = now;
      correct_waits_ = true;
      break;
    case What::cancel_job:  // the run that waits for it is let go when it ends by itself
      break;
  }
}

// A row that the store refuses fails its whole batch: the batch is halved until it stands alone, so
// that it stops no other for long, and then it is quarantined.
void Planner::note_failed_settle(const StoreFailed& failed) {
  in_doubt_ = in_doubt_ || !failed.refused;
  if (failed.refused) settle_limit_ = std::max<std::size_t>(1, settling_.size() / 2);
  for (auto settlement = settling_.rbegin(); settlement != settling_.rend(); ++settlement) {
    const auto entry = entries_.find(settlement->schedule_id);
    if (entry == entries_.end()) continue;
    entry->second.settling = false;
    if (failed.refused && settling_.size() == 1) entry->second.refusal = failed.error;
    make_ready(settlement->schedule_id, true);
  }
  settling_.clear();
  for (auto& [name, lane] : lanes_) lane.reserved_to_settle = 0;
}

// As for a settle; an outcome that stands alone is written without the texts that came from
// outside.
void Planner::note_failed_finish(const StoreFailed& failed) {
  if (failed.refused) finish_limit_ = std::max<std::size_t>(1, finishing_.size() / 2);
  if (failed.refused && finishing_.size() == 1) {
    store::Finish& finish = finishing_.front().finish;
    finish.logs.clear();
    finish.attempt.error = "the outcome could not be stored as it was: " + failed.error;
  }
  endings_.insert(endings_.begin(), std::make_move_iterator(finishing_.begin()),
                  std::make_move_iterator(finishing_.end()));
  finishing_.clear();
}

bool Planner::has_room_to_load() const {
  return entries_.empty() || entries_.size() + options_.load_page <= options_.armed_max;
}

// A server that took the place of one that was lost may not have the last settlements: their
// schedules are due as before, at a position that was loaded long ago.
bool Planner::may_look_back(Timestamp now) const {
  return options_.claim_ttl && loaded_ && !loading_ && loaded_->due >= now - kOverdue;
}

void Planner::load_horizon(Timestamp now, Actions& actions) {
  if (failures_.rests(StoreFailed::What::load, now)) return;
  if (may_look_back(now) && look_back_at_ <= now) {
    look_back_at_ = now + kLookBackEvery;
    loading_ = looking_back_ = true;
    actions.emplace_back(LoadDue{look_back_from_, now - kOverdue, options_.load_page});
  }
  if (loading_ || !has_room_to_load()) return;
  if (!more_to_load_) {
    if (loaded_->due >= now + options_.horizon / 2) return;
    more_to_load_ = true;
  }
  loading_to_ = std::max(loading_to_, now + options_.horizon);
  loading_ = true;
  actions.emplace_back(LoadDue{loaded_, loading_to_, options_.load_page});
}

// Whatever is known may be old. What is being settled goes on: the store compares it, and gives the
// row as it is.
void Planner::read_horizon_again() {
  std::erase_if(entries_, [&](const auto& each) {
    if (each.second.settling) return false;
    wheel_.cancel(each.second.timer);
    return true;
  });
  loaded_.reset();
  more_to_load_ = true;
  load_is_old_ = loading_;
}

void Planner::take(Loaded loaded) {
  const bool looked_back = std::exchange(looking_back_, false);
  if (std::exchange(load_is_old_, false)) {
    loading_ = false;
    return;
  }
  if (looked_back) {
    look_back_from_.reset();
    if (loaded.schedules.size() >= options_.load_page) {
      const auto& last = loaded.schedules.back().schedule;
      look_back_from_ = store::DueCursor{*last.next_due_at, last.id};
      look_back_at_ = stepped_at_ + kLookOnAfter;
    }
    for (auto& row : loaded.schedules) arm_overdue(std::move(row));
    loading_ = false;
    return;
  }
  more_to_load_ = loaded.schedules.size() >= options_.load_page;
  loaded_ = store::DueCursor{loading_to_, {}};  // no row has the nil id
  if (more_to_load_) {
    const auto& last = loaded.schedules.back().schedule;
    loaded_ = store::DueCursor{*last.next_due_at, last.id};
  }
  for (auto& row : loaded.schedules) arm(std::move(row));
  loading_ = false;
  // What is due by now is here; the rest comes page by page, ahead of its time.
  const bool ahead = loaded_->due > loading_to_ - options_.horizon;
  ever_loaded_ = ever_loaded_ || !more_to_load_ || ahead || !has_room_to_load();
}

bool Planner::in_horizon(const store::DueCursor& position) const {
  return (loaded_ && position <= *loaded_) || (loading_ && position.due < loading_to_);
}

void Planner::take(const Changed& changed, Timestamp now) {
  if (changed.changes.many) read_horizon_again();
  for (const auto id : changed.changes.deleted) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) continue;
    if (found->second.settling) {
      found->second.deleted = true;
    } else {
      forget(id);
    }
  }
  for (const auto& row : changed.changes.schedules) arm(row);
  if (changed.changes.runs_added) claim_by(now);
  cancel_wished(changed.changes.to_cancel);
}

void Planner::forget_timetables() {
  for (auto& [id, entry] : entries_) entry.timetable.reset();
}

std::optional<Timestamp> Planner::next_wake(Timestamp now) const {
  std::optional<Timestamp> wake;
  const auto consider = [&wake](std::optional<Timestamp> at) {
    if (at && (!wake || *at < *wake)) wake = at;
  };
  using What = StoreFailed::What;
  const auto ask = [&](What what, Timestamp at) {
    consider(std::max(at, failures_.again_at(what)));
  };
  if (store_rests(now)) {
    consider(failures_.again_at());
    return wake;
  }
  consider(failures_.next_try(now));
  if (options_.claim_ttl && !extending_ && may_hold_claims()) ask(What::extend, extend_at_);
  if (draining_ || in_doubt_) return wake;
  consider(jobs_.next_wake(now, draining_));
  if (options_.claim_ttl && !recovering_) ask(What::recover, recover_at_);
  consider(wheel_.next_due());
  if (settling_.empty() && settle_at_) ask(What::settle, *settle_at_);
  for (const auto& [name, lane] : lanes_) consider(lane.breaker.opens_until());
  if (!expiring_ && expire_at_) ask(What::expire, *expire_at_);
  if (!claiming_)
    for (const auto& [name, lane] : lanes_)
      if (const auto at = lane.claims_at(); at && free_slots(lane) > 0) ask(What::claim, *at);
  if (const auto at = std::max(now, look_back_at_); may_look_back(at)) ask(What::load, at);
  if (!loading_ && has_room_to_load())
    ask(What::load, more_to_load_ || !loaded_ ? now : loaded_->due - options_.horizon / 2);
  return wake;
}

bool Planner::drained() const {
  return draining_ && !holds_claims() && jobs_.idle() && settling_.empty() && !claiming_ &&
         !reviewing_ && !in_doubt_ && notices_.empty();
}

}  // namespace rruled::core
