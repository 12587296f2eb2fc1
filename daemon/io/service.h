#pragma once

#include "daemon/io/companion.h"
#include "daemon/io/config.h"
#include "daemon/io/reloader.h"
#include "rrule/zone_database.h"
#include "store/store.h"

#include <spdlog/logger.h>

#include <functional>

namespace rruled::io {

struct ServiceOptions {
  bool dry_run = false;  // the real store read-only; deliveries are only told
  // Makes the store what mounted files say; called once it is open and before anything fires.
  // Throws std::runtime_error when it cannot.
  std::function<void(store::Store&, const rrule::ZoneDatabase&, spdlog::logger&)> prepare{};
  CompanionMaker companion{};  // none in a dry run
  ConfigLoader reload{};       // called on another thread
};

// The daemon, from start to drain: opens the store, takes up what an earlier process left, fires,
// and ends at SIGTERM or SIGINT. SIGHUP reads configuration and time zones anew, SIGUSR1 turns
// debug lines on and off. Gives the process's exit code: 0 after a drain, 1 when the store cannot
// be used, 78 when an executor cannot be made; the reason is in the log.
//
// Order of start: executors; store and its lock; `prepare`; the store's session, with what was cut
// off; trackers; the companion; the loop, and beside it quarantined schedules once more; READY=1
// when the near horizon is loaded. Order of stop: STOPPING=1; no new settle or claim; what is in
// flight ends, or is broken off shortly before run.stop_timeout; outcomes written, unsent claims
// given back; trackers; the caretaker's last step; the companion; spans and notifications sent;
// store closed. A second signal ends the process at once.
[[nodiscard]] int run_service(const Config& config, const ServiceOptions& options);

}  // namespace rruled::io
