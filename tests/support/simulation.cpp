#include "tests/support/simulation.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/overloaded.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/timetable.h"
#include "store/directory.h"

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

Simulation::Simulation(store::Store& store, Timestamp start_at, Options options)
    : store_(store), options_(std::move(options)), now_(start_at), daemons_(options_.daemons) {
  for (Daemon& daemon : daemons_) start(daemon);
}

void Simulation::start(Daemon& daemon) {
  const auto session = store_.begin_session({numbered_uuid(0xd0, ++owners_)}, now_);
  core::PlannerOptions planner = options_.planner;
  planner.claim_ttl = session.claim_ttl;
  daemon = Daemon{.planner = std::make_unique<core::Planner>(std::move(planner), zones_, now_),
                  .work = std::make_unique<io::StoreWork>(store_, session),
                  .revision = session.revision,
                  .claim_ttl = session.claim_ttl,
                  .claims_end = {},
                  .deliveries = {},
                  .paused_until = daemon.paused_until};
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
  const auto calendars = [&](std::int64_t project, const std::string& name) {
    const auto calendar = store_.directory()->calendar({project, name});
    return core::ExcludedDays::compile(calendar.value().days, zones_).value();
  };
  const auto timetable = core::Timetable::compile(schedule, zones_, calendars);
  if (!timetable) throw std::invalid_argument(timetable.error().error.detail);
  const auto change = core::rescheduled(schedule, *timetable, true, now_);
  store::ChangeSet changes;
  changes.flows.push_back({flow, std::nullopt});
  changes.schedules.push_back({change.schedule, std::nullopt});
  if (store_.write(changes, now_)) throw std::logic_error("a schedule that is new was in the way");
  return schedule.id;
}

void Simulation::deliver(Daemon& daemon, const store::Run& run) {
  const auto claim = daemon.claims_end.find(run.id);
  const bool lapsed =
      daemon.claim_ttl && (claim == daemon.claims_end.end() || now_ >= claim->second);
  if (lapsed) {
    core::Report unsent;
    unsent.kind = core::Report::Kind::unsent;
    daemon.deliveries.emplace(now_, Pending{run.id, std::move(unsent)});
    return;
  }
  core::Report report = options_.answer(run);
  report.started_at = now_;
  report.finished_at = now_ + options_.answer_takes;
  sent_.push_back({core::idempotency_key(run.id), run.body, run.attempts,
                   run.scheduled_for.value_or(Instant()),
                   run.schedule_id.value_or(store::ScheduleId{}), now_, run.due_at});
  daemon.deliveries.emplace(now_ + options_.answer_takes, Pending{run.id, std::move(report)});
}

std::optional<core::Completion> Simulation::do_action(Daemon& daemon, core::Action& action) {
  using Done = std::optional<core::Completion>;
  return std::visit(core::Overloaded{[&](core::Deliver& send) -> Done {
                                       deliver(daemon, send.run);
                                       return std::nullopt;
                                     },
                                     // The receiver answers all the same.
                                     [](core::CancelDelivery&) -> Done { return std::nullopt; },
                                     [](core::Notice&) -> Done { return std::nullopt; },
                                     [&](auto& asking) -> Done {
                                       try {
                                         return daemon.work->perform(asking, now_);
                                       } catch (const store::StoreError& error) {
                                         return io::failure_of(what_of(asking), error);
                                       }
                                     }},
                    action);
}

// As io::ClaimDeadlines does; an answer takes no time here.
void Simulation::note_claims(Daemon& daemon, const core::Completion& completion) const {
  if (!daemon.claim_ttl) return;
  const Timestamp end = now_ + *daemon.claim_ttl;
  const auto grant = [&](const std::vector<store::Run>& runs) {
    for (const auto& run : runs) daemon.claims_end[run.id] = end;
  };
  if (const auto* settled = std::get_if<core::Settled>(&completion)) {
    for (const auto& result : settled->results) grant(result.claimed);
  } else if (const auto* claimed = std::get_if<core::Claimed>(&completion)) {
    grant(claimed->result.runs);
  } else if (const auto* held = std::get_if<core::Held>(&completion)) {
    grant(held->runs);
  } else if (const auto* extended = std::get_if<core::Extended>(&completion)) {
    const auto before = std::exchange(daemon.claims_end, {});
    for (const auto& claim : extended->claims) {
      const auto known = before.find(claim.run_id);
      if (claim.extended)
        daemon.claims_end[claim.run_id] = end;
      else if (known != before.end())
        daemon.claims_end.insert(*known);
    }
  }
}

// False when the daemon died over it.
bool Simulation::perform(Daemon& daemon, core::Action action) {
  if (auto* notice = std::get_if<core::Notice>(&action)) {
    if (keep_notices_) notices_.push_back(std::move(*notice));
    return true;
  }
  ++actions_;
  const auto number = static_cast<std::size_t>(&daemon - daemons_.data());
  const bool dies = options_.crash_every > 0 && actions_ % options_.crash_every == 0;
  if (dies && crashes_ % 2 == 0) {  // before it
    crash(number);
    return false;
  }
  auto completion = do_action(daemon, action);
  if (dies) {  // after it, unheard
    crash(number);
    return false;
  }
  if (!completion) return true;
  note_claims(daemon, *completion);
  daemon.planner->complete(std::move(*completion), now_);
  return true;
}

bool Simulation::turn(Daemon& daemon, bool& busy) {
  if (daemon.paused_until > now_) return true;
  auto changes = store_.changes_since(daemon.revision);
  if (changes.revision != daemon.revision) {
    daemon.revision = changes.revision;
    daemon.planner->complete(core::Changed{std::move(changes)}, now_);
  }
  auto& deliveries = daemon.deliveries;
  while (!deliveries.empty() && deliveries.begin()->first <= now_) {
    Pending pending = std::move(deliveries.begin()->second);
    deliveries.erase(deliveries.begin());
    daemon.planner->complete(core::Delivered{pending.run_id, std::move(pending.report)}, now_);
    busy = true;
  }
  for (core::Action& action : daemon.planner->step(now_)) {
    const bool notice = std::holds_alternative<core::Notice>(action);
    if (!perform(daemon, std::move(action))) return false;
    busy = busy || !notice;
  }
  return true;
}

// One moment: until nothing more happens without time passing, or a daemon died.
void Simulation::turn_all() {
  for (bool busy = true; busy;) {
    busy = false;
    for (Daemon& daemon : daemons_)
      if (!turn(daemon, busy)) busy = true;
  }
}

Timestamp Simulation::next_moment(Timestamp end) const {
  Timestamp next = std::min(end, now_ + kTurnMax);
  for (const Daemon& daemon : daemons_) {
    if (daemon.paused_until > now_) {
      next = std::min(next, daemon.paused_until);
      continue;
    }
    if (const auto wake = daemon.planner->next_wake(now_)) next = std::min(next, *wake);
    if (!daemon.deliveries.empty()) next = std::min(next, daemon.deliveries.begin()->first);
  }
  return std::max(next, now_ + std::chrono::milliseconds(1));
}

void Simulation::run_until(Timestamp end) {
  while (now_ < end) {
    turn_all();
    now_ = next_moment(end);
  }
  turn_all();
}

void Simulation::crash(std::size_t daemon) {
  ++crashes_;
  start(daemons_.at(daemon));
}

void Simulation::down_until(Timestamp then) {
  now_ = then;
  for (std::size_t i = 0; i < daemons_.size(); ++i) crash(i);
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
