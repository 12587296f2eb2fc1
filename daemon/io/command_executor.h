#pragma once

#include "daemon/io/child_process.h"
#include "daemon/io/clock.h"
#include "daemon/io/executor.h"
#include "daemon/io/process_guard.h"
#include "daemon/io/setting_error.h"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace rruled::io {

struct CommandExecutorOptions {
  std::vector<std::string> argv{};  // program (a path, or looked up in PATH) and its arguments
  std::chrono::milliseconds timeout{3'600'000};  // of an attempt, unless the run says otherwise
  std::chrono::milliseconds kill_grace{5'000};   // from TERM to KILL
  bool retry_on_failure = false;  // a failed command (exit, signal, time limit) is tried again
};

// Runs a program for each run, without a shell. Io thread only, and the io thread must outlive the
// commands: the kernel kills them when the thread that started them ends.
//
// The run's body is the program's stdin; RRULED_RUN_ID, RRULED_KIND, RRULED_ORIGIN, RRULED_ATTEMPT,
// RRULED_IDEMPOTENCY_KEY, RRULED_PROJECT_ID, RRULED_FLOW_ID, RRULED_FLOW_NAME, RRULED_DUE_AT and,
// if the run has them, RRULED_SCHEDULE_ID and RRULED_SCHEDULED_FOR are in its environment, and of
// ours only PATH, HOME, LANG, TZ, USER, LOGNAME, SHELL and TMPDIR. Its output lines go to the run's
// log.
//
// It leads a process group of its own. At the time limit, and when cancelled, the group gets TERM
// and `kill_grace` later KILL. What is left of the group when the program has ended is killed: the
// end of a run is the end of its processes. For the death of the daemon see process_guard.h.
class CommandExecutor final : public Executor {
 public:
  // `clock` and `guard` must outlive the executor. Refuses an argv that could never work.
  [[nodiscard]] static SettingResult<std::unique_ptr<CommandExecutor>> create(
      boost::asio::any_io_executor io,
      const Clock& clock,
      ProcessGuard& guard,
      CommandExecutorOptions options);

  [[nodiscard]] boost::asio::awaitable<core::Report> deliver(store::Run run,
                                                             SendPermit permit = {}) override;
  [[nodiscard]] std::chrono::milliseconds time_to_end() const override;
  [[nodiscard]] std::string destination(const store::Run& run) const override;
  [[nodiscard]] std::string payload(const store::Run& run) const override;

 private:
  CommandExecutor(boost::asio::any_io_executor io,
                  const Clock& clock,
                  ProcessGuard& guard,
                  CommandExecutorOptions options);

  [[nodiscard]] boost::asio::awaitable<core::Report> attempt(store::Run run,
                                                             SendPermit permit) const;
  [[nodiscard]] std::vector<std::string> environment(const store::Run& run) const;
  [[nodiscard]] core::Report not_started(int error, const std::string& program) const;
  // `broken_off`: why it was ended by us; empty if it ended by itself.
  [[nodiscard]] core::Report judge(const ChildProcess::Exit& exit,
                                   const std::string& broken_off) const;

  const boost::asio::any_io_executor io_;
  const Clock& clock_;
  ProcessGuard& guard_;
  const CommandExecutorOptions options_;
};

}  // namespace rruled::io
