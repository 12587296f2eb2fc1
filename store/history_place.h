#pragma once

#include "store/run_desk.h"

#include <cstddef>
#include <cstdint>

namespace rruled::store {

// Lines that one call removes, for each run that it may: most runs have fewer.
inline constexpr std::size_t kLinesOfRun = 4;

// What one call of RunDesk::remove_history() did.
struct HistoryBatch {
  std::size_t removed = 0;
  bool full = false;  // it may not have come to the end: the next one goes on behind `at`
  // Of the last row looked at. `number` is for stores whose index has it.
  Timestamp at = Timestamp::min();
  std::int64_t number = 0;
};

// Where the next call goes on. Rows that stay lie among those that go, so each pass goes through
// them once; it takes one that removes nothing to know that nothing more can be removed, as others
// end meanwhile.
struct HistoryPlace {
  enum class Stage { runs, lines, gaps };
  FlowId flow{};
  Stage stage = Stage::runs;
  Timestamp at = Timestamp::min();  // exclusive, with `number`
  std::int64_t number = 0;
  bool removed = false;  // by this pass

  // Begins anew unless it is of this flow already.
  void turn_to(FlowId id) {
    if (flow != id) *this = {.flow = id};
  }
  // After a batch was committed.
  [[nodiscard]] RemovedHistory move_on(const HistoryBatch& batch) {
    removed = removed || batch.removed > 0;
    const bool over = !batch.full && !removed && stage == Stage::gaps;
    if (batch.full) {
      at = batch.at;
      number = batch.number;
    } else if (removed) {
      *this = {.flow = flow, .stage = stage};
    } else if (!over) {
      *this = {.flow = flow, .stage = stage == Stage::runs ? Stage::lines : Stage::gaps};
    } else {
      *this = {.flow = flow};
    }
    return {batch.removed, !over};
  }
};

}  // namespace rruled::store
