#pragma once

#include "store/types.h"

#include <boost/json/object.hpp>

// The ledger as JSON: every column of a run. Pure.
namespace rruled::core {

// `lateness_ms` is started_at - due_at, null until started; `idempotency_key` is what receivers
// see.
[[nodiscard]] boost::json::object to_json(const store::Run& run);
[[nodiscard]] boost::json::object to_json(const store::Attempt& attempt);
[[nodiscard]] boost::json::object to_json(const store::LogEntry& entry);
[[nodiscard]] boost::json::object to_json(const store::Gap& gap);
[[nodiscard]] boost::json::object to_json(const store::KeptGap& row);

}  // namespace rruled::core
