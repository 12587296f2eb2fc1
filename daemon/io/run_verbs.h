#pragma once

#include "store/audience.h"
#include "store/cancel_result.h"
#include "store/directory.h"
#include "store/retry_result.h"
#include "store/store.h"

#include <string>

// What people do to runs, by the API and at the command line. Each of them has a line in the audit
// log, by `actor`; the stores are one store.
namespace rruled::io {

// Cancels the run unless it has ended. Of a batch job that is spread here the unsent children are
// cancelled, too: all but those beyond the first 100 000, which the daemon cancels.
//   asked      what is with an executor goes on: its daemon ends it, within seconds, unless it
//              completes first
//   under_way  it changed at this very moment: nothing was written
[[nodiscard]] store::CancelResult cancel_run(store::Directory& directory,
                                             store::Audience& audience,
                                             const store::Run& run,
                                             const std::string& actor,
                                             store::Timestamp now);

// Has a failed or dead run tried again, as its schedule tries runs now; one without a schedule as
// all are by default.
[[nodiscard]] store::RetryResult retry_run(store::Store& store,
                                           store::Directory& directory,
                                           const store::Run& run,
                                           const std::string& actor,
                                           store::Timestamp now);

// What cancels the backfill, with its line; empty: it is done, or was cancelled before. Once it is
// written, end_unsent_runs().
[[nodiscard]] store::ChangeSet backfill_cancellation(store::Directory& directory,
                                                     const store::Backfill& before,
                                                     const std::string& actor,
                                                     store::Timestamp now);
// Cancels the runs of the backfill that are not with an executor, each in a transaction.
void end_unsent_runs(store::Directory& directory,
                     const store::Backfill& backfill,
                     const std::string& actor,
                     store::Timestamp now);

}  // namespace rruled::io
