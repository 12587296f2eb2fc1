#pragma once

namespace rruled::store {

// What became of the wish to end one run.
enum class CancelResult {
  cancelled,
  missing,
  ended,     // was final already: nothing changed
  under_way  // with an executor: only its daemon can stop it; nothing changed
};

}  // namespace rruled::store
