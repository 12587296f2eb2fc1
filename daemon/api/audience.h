#pragma once

#include "daemon/api/call.h"
#include "store/types.h"

#include <boost/json/value.hpp>

#include <map>
#include <vector>

namespace rruled::api {

// {total, enqueued, done, failed, truncated} of those runs that are batch jobs which the daemon
// spreads itself.
[[nodiscard]] std::map<store::RunId, boost::json::value> progress_of(
    const Call& call, const std::vector<store::Run>& runs);

// Cancels a batch job that is spread or being spread; its unsent children are cancelled now, the
// rest by the daemon. False: it is none.
[[nodiscard]] bool cancel_job(const Call& call, store::RunId id, const store::AuditEntry& line);
// Cancels what a job that was cancelled otherwise leaves unsent.
void sweep_children(const Call& call, store::RunId id);

}  // namespace rruled::api
