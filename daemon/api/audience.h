#pragma once

#include "daemon/api/call.h"
#include "store/audience.h"
#include "store/types.h"

#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <vector>

namespace rruled::api {

// Of those runs that are batch jobs which the daemon spreads itself, and has begun to.
[[nodiscard]] std::map<store::RunId, std::optional<store::JobProgress>> progress_of(
    const Call& call, const std::vector<store::Run>& runs);
// {total, enqueued, done, failed, truncated}
[[nodiscard]] boost::json::value progress_json(const store::JobProgress& progress);

}  // namespace rruled::api
