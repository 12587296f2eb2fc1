#pragma once

#include <functional>

namespace rruled::io {

// Asked right before the first byte of an attempt leaves: false when the claim on its run is over,
// and nothing may be sent (semantics.md, P4). Empty: always allowed. Io thread only.
using SendPermit = std::function<bool()>;

[[nodiscard]] inline bool may_send(const SendPermit& permit) { return !permit || permit(); }

}  // namespace rruled::io
