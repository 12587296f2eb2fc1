#include "tests/support/simulation.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/timetable.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace rruled::test {
namespace {

constexpr std::chrono::milliseconds kTurnMax{
    60'000};  // the daemon's is 1 s; nothing may depend on it

boost::uuids::uuid numbered_uuid(std::uint8_t kind, std::uint64_t number) {
  boost::uuids::uuid id{};
  id.data[0] = kind;
  for (int i = 0; i < 8; ++i)
    id.data[static_cast<std::size_t>(8 + i)] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
  return id;
}

}  // namespace

Instant at(const char* text) {
  std::istringstream in(text);
  Instant instant;
  in >> date::parse("%FT%TZ", instant);
  if (!in) throw std::invalid_argument(text);
  return instant;
}

core::PlannerOptions Simulation::Options::default_planner() {
  core::PlannerOptions options;
  options.executors = {{"default", 1'000}};
  options.max_in_flight = 1'000;
  return options;
}

Simulation::Simulation(store::Store& store, Timestamp start, Options options)
    : store_(store), options_(std::move(options)), now_(start) {
  start_daemon();
}

void Simulation::start_daemon() {
  const auto session = store_.begin_session({numbered_uuid(0xd0, ++owners_)}, now_);
  claimant_ = session.claimant;
  revision_ = session.revision;
  planner_ = std::make_unique<core::Planner>(options_.planner, zones_, now_);
}

store::ScheduleId Simulation::add(const std::string& rrule,
                                  Instant starts_at,
                                  const std::string& timezone,
                                  const std::function<void(store::Schedule&)>& adjust) {
  store::Flow flow;
  flow.id = {numbered_uuid(0xf0, ++ids_)};
  flow.name = "flow " + std::to_string(ids_);
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "schedule";
  flow.created_at = flow.updated_at = now_;
  store::Schedule schedule;
  schedule.id = {numbered_uuid(0x50, ids_)};
  schedule.flow_id = flow.id;
  schedule.rrule = rrule;
  schedule.starts_at = starts_at;
  schedule.timezone = timezone;
  schedule.created_at = schedule.updated_at = now_;
  if (adjust) adjust(schedule);
  const auto timetable = core::Timetable::compile(schedule, zones_);
  if (!timetable) throw std::invalid_argument(timetable.error().error.detail);
  const auto change = core::rescheduled(schedule, *timetable, true, now_);
  store::ChangeSet changes;
  changes.flows.push_back({flow, std::nullopt});
  changes.schedules.push_back({change.schedule, std::nullopt});
  if (store_.write(changes, now_)) throw std::logic_error("a schedule that is new was in the way");
  return schedule.id;
}

void Simulation::deliver(const store::Run& run) {
  core::Report report = options_.answer(run);
  report.started_at = now_;
  report.finished_at = now_ + options_.answer_takes;
  sent_.push_back({core::idempotency_key(run.id), run.body, run.attempts,
                   run.scheduled_for.value_or(Instant()),
                   run.schedule_id.value_or(store::ScheduleId{}), now_, run.due_at});
  deliveries_.emplace(now_ + options_.answer_takes, Pending{run.id, std::move(report)});
}

std::optional<core::Completion> Simulation::do_action(core::Action& action) {
  using Done = std::optional<core::Completion>;
  using What = core::StoreFailed::What;
  const auto guarded = [](What what, auto&& work) -> Done {
    try {
      return work();
    } catch (const store::StoreError& error) {
      return core::StoreFailed{what, error.what(),
                               error.kind() == store::StoreError::Kind::invalid};
    }
  };
  if (auto* load = std::get_if<core::LoadDue>(&action))
    return guarded(What::load, [&]() -> Done {
      return core::Loaded{store_.load_due(load->after, load->before, load->limit)};
    });
  if (auto* settle = std::get_if<core::Settle>(&action))
    return guarded(What::settle, [&]() -> Done {
      return core::Settled{store_.settle(std::move(settle->batch), claimant_, now_)};
    });
  if (auto* claim = std::get_if<core::Claim>(&action))
    return guarded(What::claim, [&]() -> Done {
      return core::Claimed{store_.claim({claimant_, claim->executors, claim->limit}, now_)};
    });
  if (std::holds_alternative<core::ReviewHeld>(action))
    return guarded(What::review, [&]() -> Done { return core::Held{store_.held(claimant_)}; });
  if (auto* finish = std::get_if<core::FinishRuns>(&action))
    return guarded(What::finish, [&]() -> Done {
      return core::Finished{store_.finish(finish->batch, claimant_, now_)};
    });
  if (auto* back = std::get_if<core::HandBackRuns>(&action))
    return guarded(What::hand_back, [&]() -> Done {
      store_.hand_back(back->batch, claimant_);
      return core::HandedBack{};
    });
  if (auto* deliver_run = std::get_if<core::Deliver>(&action)) deliver(deliver_run->run);
  return std::nullopt;
}

// False when the daemon died over it.
bool Simulation::perform(core::Action action) {
  if (auto* notice = std::get_if<core::Notice>(&action)) {
    if (keep_notices_) notices_.push_back(std::move(*notice));
    return true;
  }
  ++actions_;
  const bool dies = options_.crash_every > 0 && actions_ % options_.crash_every == 0;
  if (dies && crashes_ % 2 == 0) {  // before it
    crash();
    return false;
  }
  auto completion = do_action(action);
  if (dies) {  // after it, unheard
    crash();
    return false;
  }
  if (completion) planner_->complete(std::move(*completion), now_);
  return true;
}

// One moment: until nothing more happens without time passing. False when the daemon died
// meanwhile.
bool Simulation::turn() {
  for (bool busy = true; busy;) {
    busy = false;
    auto changes = store_.changes_since(revision_);
    if (changes.revision != revision_) {
      revision_ = changes.revision;
      planner_->complete(core::Changed{std::move(changes)}, now_);
    }
    while (!deliveries_.empty() && deliveries_.begin()->first <= now_) {
      Pending pending = std::move(deliveries_.begin()->second);
      deliveries_.erase(deliveries_.begin());
      planner_->complete(core::Delivered{pending.run_id, std::move(pending.report)}, now_);
      busy = true;
    }
    for (core::Action& action : planner_->step(now_)) {
      const bool notice = std::holds_alternative<core::Notice>(action);
      if (!perform(std::move(action))) return false;
      busy = busy || !notice;
    }
  }
  return true;
}

void Simulation::run_until(Timestamp end) {
  while (now_ < end) {
    if (!turn()) continue;
    Timestamp next = std::min(end, now_ + kTurnMax);
    if (const auto wake = planner_->next_wake(now_)) next = std::min(next, *wake);
    if (!deliveries_.empty()) next = std::min(next, deliveries_.begin()->first);
    now_ = std::max(next, now_ + std::chrono::milliseconds(1));
  }
  (void)turn();
}

void Simulation::crash() {
  ++crashes_;
  deliveries_.clear();
  start_daemon();
}

void Simulation::down_until(Timestamp then) {
  deliveries_.clear();
  now_ = then;
  crash();
}

std::map<store::ScheduleId, Account> accounts_of(store::Store& store) {
  constexpr std::size_t kAll = 100'000'000;
  std::map<store::ScheduleId, Account> accounts;
  for (const auto& run : store.runs({.limit = kAll}))
    if (run.schedule_id && run.scheduled_for)
      accounts[*run.schedule_id].runs.push_back(*run.scheduled_for);
  for (auto& [id, account] : accounts) std::ranges::sort(account.runs);
  for (const auto& schedule : store.schedules({.limit = kAll}))
    for (const auto& gap : store.gaps(schedule.id)) accounts[schedule.id].in_gaps += gap.count;
  return accounts;
}

Account account_of(store::Store& store, store::ScheduleId id) { return accounts_of(store)[id]; }

}  // namespace rruled::test
