#include "daemon/core/alarm.h"
#include "daemon/core/planner.h"

#include <algorithm>
#include <utility>

// Claims that lapse: extending our own, recovering what others let lapse. A store whose claims last
// as long as the session needs none of it.
namespace rruled::core {
namespace {

constexpr std::size_t kRecoverMax = 1'000;

}  // namespace

bool Planner::holds_claims() const {
  const bool queued =
      std::ranges::any_of(lanes_, [](const auto& lane) { return !lane.second.queue.empty(); });
  return queued || !jobs_.empty() || !strays_.empty() || !in_flight_.empty() || !endings_.empty() ||
         !finishing_.empty() || !to_hand_back_.empty() || !handing_back_.empty();
}

// What was locked lasts no longer than before, and the lock is rarely held for long.
void Planner::extend_soon(Timestamp now) {
  extend_at_ = std::min(extend_at_, now + *options_.claim_ttl / 9);
}

void Planner::keep_claims(Timestamp now, Actions& actions) {
  if (!options_.claim_ttl) return;
  const auto every = *options_.claim_ttl / 3;
  // What is claimed next has its whole time: to extend it at once would only be in its way.
  if (!may_hold_claims() && settling_.empty() && !claiming_) extend_at_ = now + every;
  using What = StoreFailed::What;
  if (!extending_ && may_hold_claims() && Alarm{extend_at_}.is_due(now, every) &&
      !failures_.rests(What::extend, now)) {
    extending_ = true;
    extend_at_ = now + every;
    actions.emplace_back(ExtendClaims{});
  }
  if (!recovering_ && !draining_ && Alarm{recover_at_}.is_due(now, every) &&
      !failures_.rests(What::recover, now)) {
    recovering_ = true;
    recover_at_ = now + every;
    actions.emplace_back(RecoverClaims{kRecoverMax});
  }
}

void Planner::take(const Extended& extended) {
  extending_ = false;
  std::unordered_map<store::RunId, std::int64_t> held;
  for (const auto& claim : extended.claims) held.emplace(claim.run_id, claim.fence);
  const auto is_ours = [&held](const store::Run& run) {
    const auto found = held.find(run.id);
    return found != held.end() && found->second == run.fence;
  };
  const auto drop_lost = [&](std::deque<store::Run>& runs) {
    for (const auto& run : runs)
      if (!is_ours(run)) notify({.kind = Notice::Kind::run_fenced, .run = run});
    std::erase_if(runs, [&](const store::Run& run) { return !is_ours(run); });
  };
  for (auto& [name, lane] : lanes_) drop_lost(lane.queue);
  drop_lost(strays_);
  for (auto& run : jobs_.drop_lost(is_ours))
    notify({.kind = Notice::Kind::run_fenced, .run = std::move(run)});
  for (const auto& [id, flight] : in_flight_)
    if (!is_ours(flight.run)) lost_.push_back(id);
  std::ranges::sort(lost_);
  look_for_unknown(extended);
}

// A commit may land long after its failure was looked into: the run is ours by the store, and
// nothing here knows it. Seen twice, as the end of a known one may have been written in between.
void Planner::look_for_unknown(const Extended& extended) {
  const auto known = known_claims();
  const auto before = std::exchange(unknown_, {});
  for (const auto& claim : extended.claims) {
    const std::pair id(claim.run_id, claim.fence);
    if (known.contains(id)) continue;
    unknown_.insert(id);
    in_doubt_ = in_doubt_ || before.contains(id);
  }
}

void Planner::take(Recovered recovered, Timestamp now) {
  recovering_ = false;
  if (recovered.count == 0) return;
  claim_by(now);
  if (recovered.count == kRecoverMax) recover_at_ = now;
}

}  // namespace rruled::core
