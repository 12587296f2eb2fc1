#pragma once

namespace rruled::store {

// What became of the wish to try a run again.
enum class RetryResult {
  retried,
  missing,      // there is no such run
  under_way,    // it has not ended
  not_failed,   // it ended otherwise: completed, cancelled or skipped
  has_children  // a batch job of this daemon: what failed are its children
};

}  // namespace rruled::store
