#pragma once

#include "daemon/core/action.h"
#include "store/audience.h"
#include "store/run_desk.h"
#include "store/store.h"

#include <memory>

namespace rruled::io {

// What the planner asks of the store, done there on behalf of one claimant: the daemon's driver
// calls it on the store's thread, the simulation where it stands.
//
//   StoreWork work{store, session};
//   core::Completion done = work.perform(settle, now);
//
// An overload for each such action, which may be used up. Blocks; faults are StoreErrors. `store`
// must outlive it, and both are used from one thread at a time.
class StoreWork {
 public:
  StoreWork(store::Store& store, const store::Session& session);

  [[nodiscard]] core::Loaded perform(core::LoadDue& load, store::Timestamp now);
  [[nodiscard]] core::Settled perform(core::Settle& settle, store::Timestamp now);
  [[nodiscard]] core::Claimed perform(core::Claim& claim, store::Timestamp now);
  [[nodiscard]] core::Held perform(core::ReviewHeld& review, store::Timestamp now);
  [[nodiscard]] core::Extended perform(core::ExtendClaims& extend, store::Timestamp now);
  [[nodiscard]] core::Recovered perform(core::RecoverClaims& recover, store::Timestamp now);
  [[nodiscard]] core::Finished perform(core::FinishRuns& finish, store::Timestamp now);
  [[nodiscard]] core::HandedBack perform(core::HandBackRuns& back, store::Timestamp now);
  // Of batch jobs, and of runs beside their attempts.
  [[nodiscard]] core::JobOpened perform(core::OpenJob& open, store::Timestamp now);
  [[nodiscard]] core::FannedOut perform(core::FanOutPage& page, store::Timestamp now);
  [[nodiscard]] core::JobsEnded perform(core::LookAtJobs& look, store::Timestamp now);
  [[nodiscard]] core::JobCancelled perform(core::CancelJob& cancel, store::Timestamp now);
  [[nodiscard]] core::Expired perform(core::ExpireRuns& expire, store::Timestamp now);

 private:
  store::Store& store_;
  const std::unique_ptr<store::Audience> audience_;
  const std::unique_ptr<store::RunDesk> desk_;
  const store::Claimant claimant_;
  const bool claims_lapse_;
};

// What the planner hears when it could not be done.
[[nodiscard]] core::StoreFailed failure_of(core::StoreFailed::What what,
                                           const store::StoreError& error);

}  // namespace rruled::io
