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

// Cancels a batch job that is spread or being spread; its unsent children are cancelled now, the
// rest by the daemon. False: it is none.
[[nodiscard]] bool cancel_job(const Call& call, store::RunId id, const store::AuditEntry& line);
// Cancels what a job that was cancelled otherwise leaves unsent.
void sweep_children(const Call& call, store::RunId id);

}  // namespace rruled::api
