#pragma once

namespace rruled::store {

// What became of the wish to end one run.
enum class CancelResult {
  cancelled,
  asked,  // it is with its executor: whoever looks after it was told. It ends cancelled, unless it
          // completes first
  missing,
  ended,     // was final already: nothing changed
  under_way  // a batch job that is spread here: Audience::cancel_job() ends it; nothing changed
};

}  // namespace rruled::store
