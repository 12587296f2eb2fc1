#pragma once

#include "store/ids.h"

#include <chrono>

namespace rruled::core {

// The next time of something that is done every so often, by a clock that may be set back.
struct Alarm {
  store::Timestamp at;

  // Whether the time has come, or is further ahead than it can have been set: by the clock of
  // before.
  [[nodiscard]] bool is_due(store::Timestamp now, std::chrono::milliseconds every) const {
    return at <= now || at > now + every;
  }
};

}  // namespace rruled::core
