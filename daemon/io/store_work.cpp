#include "daemon/io/store_work.h"

#include "daemon/io/store_clock.h"
#include "daemon/io/trouble.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace rruled::io {

using store::Timestamp;

StoreWork::StoreWork(store::Store& store, const store::Session& session)
    : store_(store),
      audience_(store.audience()),
      desk_(store.run_desk()),
      claimant_(session.claimant),
      claims_lapse_(session.claim_ttl.has_value()) {}

core::Loaded StoreWork::perform(core::LoadDue& load, Timestamp) {
  return {store_.load_due(load.after, load.before, load.limit)};
}

core::Settled StoreWork::perform(core::Settle& settle, Timestamp now) {
  // By a clock that was corrected, or set back, since: what it planned is not due yet.
  if (settle.planned_at > now + kClockStepMin) {
    store::SettleResult not_yet;
    not_yet.kind = store::SettleResult::Kind::not_yet;
    return {std::vector(settle.batch.size(), not_yet)};
  }
  return {store_.settle(std::move(settle.batch), claimant_, now)};
}

core::Claimed StoreWork::perform(core::Claim& claim, Timestamp now) {
  return {store_.claim({claimant_, std::move(claim.executor), claim.limit}, now)};
}

// Another daemon may be about to take over what is locked, or was committed since.
core::Held StoreWork::perform(core::ReviewHeld&, Timestamp now) {
  if (!claims_lapse_) return {store_.held(claimant_)};
  std::set<std::pair<store::RunId, std::int64_t>> extended;
  for (const auto& claim : store_.extend(claimant_, now))
    if (claim.extended) extended.emplace(claim.run_id, claim.fence);
  core::Held held{store_.held(claimant_)};
  std::erase_if(held.runs, [&](const store::Run& run) {
    if (extended.contains({run.id, run.fence})) return false;
    held.not_extended.push_back({run.id, run.fence, false});
    return true;
  });
  return held;
}

core::Extended StoreWork::perform(core::ExtendClaims&, Timestamp now) {
  return {store_.extend(claimant_, now)};
}

core::Recovered StoreWork::perform(core::RecoverClaims& recover, Timestamp now) {
  return {store_.recover(recover.limit, now)};
}

core::Finished StoreWork::perform(core::FinishRuns& finish, Timestamp now) {
  return {store_.finish(finish.batch, claimant_, now)};
}

core::HandedBack StoreWork::perform(core::HandBackRuns& back, Timestamp) {
  store_.hand_back(back.batch, claimant_);
  return {};
}

core::JobOpened StoreWork::perform(core::OpenJob& open, Timestamp now) {
  return {audience_->open_job({open.run_id, open.fence, claimant_}, now)};
}

core::FannedOut StoreWork::perform(core::FanOutPage& page, Timestamp now) {
  page.request.claim = {page.run_id, page.fence, claimant_};
  return {audience_->fan_out(page.request, page.make_child, now)};
}

core::JobsEnded StoreWork::perform(core::LookAtJobs& look, Timestamp now) {
  return {audience_->end_jobs(look.request, now)};
}

core::JobCancelled StoreWork::perform(core::CancelJob& cancel, Timestamp now) {
  const std::string why(store::word(store::RunReason::overlap));
  const auto job = audience_->cancel_job(cancel.run_id, why, {}, now);
  if (job == store::CancelResult::missing) (void)desk_->ask_to_cancel(cancel.run_id, why, now);
  return {};
}

core::Expired StoreWork::perform(core::ExpireRuns& expire, Timestamp now) {
  const bool corrected = desk_->correct_waits(expire.executors, now);
  return {desk_->expire_runs(expire.request, now), corrected};
}

core::StoreFailed failure_of(core::StoreFailed::What what, const store::StoreError& error) {
  return {what, error.what(), is_refused(error)};
}

}  // namespace rruled::io
