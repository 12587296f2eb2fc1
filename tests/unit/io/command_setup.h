#pragma once

#include "daemon/io/command_executor.h"
#include "tests/unit/io/io_fixture.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rruled::test {

// Runs commands, on an io thread that is the test's own.
struct CommandSetup {
  explicit CommandSetup(io::CommandExecutorOptions options)
      : executor(io::CommandExecutor::create(
                     loop.context.get_executor(), clock, guard, std::move(options))
                     .value()) {}

  core::Report deliver(store::Run run = sample_run()) {
    return loop.run(executor->deliver(std::move(run)));
  }

  IoLoop loop;
  FakeClock clock{kStart};
  io::ProcessGuard guard;
  std::unique_ptr<io::CommandExecutor> executor;
};

inline io::CommandExecutorOptions sh(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}};
}

inline std::vector<std::string> messages_of(const core::Report& report) {
  std::vector<std::string> result;
  for (const auto& entry : report.output) result.push_back(entry.message);
  return result;
}

}  // namespace rruled::test
