#pragma once

#include "daemon/core/report.h"
#include "daemon/io/remote_jobs.h"
#include "daemon/io/send_permit.h"
#include "store/types.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>

namespace rruled::io {

// Where runs go. Io thread only. Must outlive the deliveries it began.
class Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  // One attempt; run.attempts is its number. Where `permit` is refused nothing is sent, and the
  // report is `unsent`. Never throws for what the other side or the network
  // did: that is the report. Ends within the attempt's time limit. Cancelled through the awaiting
  // coroutine's slot (terminal): the attempt is broken off and reported as `unsent` if nothing had
  // left yet, else as `retry`, or as what the other side had said by then.
  [[nodiscard]] virtual boost::asio::awaitable<core::Report> deliver(store::Run run,
                                                                     SendPermit permit = {}) = 0;

  // The most that a delivery takes to end once it is cancelled.
  [[nodiscard]] virtual std::chrono::milliseconds time_to_end() const { return {}; }

  // Of an executor whose other side has batch jobs of its own; null otherwise. Lives as long as it.
  [[nodiscard]] virtual RemoteJobs* remote_jobs() { return nullptr; }

  // Where and what, for the dry run: "POST http://host/path", "run /usr/bin/backup --all".
  [[nodiscard]] virtual std::string destination(const store::Run& run) const = 0;
  // The bytes that would be sent.
  [[nodiscard]] virtual std::string payload(const store::Run& run) const = 0;
};

}  // namespace rruled::io
