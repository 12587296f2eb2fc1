#pragma once

#include "store/postgres_rows.h"
#include "store/store.h"

#include <map>
#include <span>
#include <vector>

// Steps of PostgresStore::settle(), in one transaction.
namespace rruled::store {

// One settlement on its way: the runs as they will be written, changed here instead of in the
// caller's, because the transaction may be run again.
struct Placement {
  const Settlement* settlement = nullptr;
  SettleResult* result = nullptr;
  std::vector<Run> runs;
  std::vector<RunId> cancelled;  // rows of the ledger
  std::vector<RunId> released;
};

// Decides about runs of schedules where others may have to wait, to be skipped or cancelled: what
// SQLite decides by one query for each run, here from the live rows of all these schedules, read
// and locked at once. The schedules are locked.
// What was sent and is to end for the run after it has the wish then (SettleResult::cancel).
void place_by_overlap(Tx& tx, std::span<Placement* const> placements);

}  // namespace rruled::store
