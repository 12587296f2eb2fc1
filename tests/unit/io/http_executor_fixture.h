#pragma once

#include "daemon/io/http_executor.h"
#include "tests/unit/io/io_fixture.h"

#include <memory>
#include <utility>

namespace rruled::test {

// An executor and the loop it lives on.
struct HttpExecutorSetup {
  explicit HttpExecutorSetup(io::HttpExecutorOptions options)
      : executor(io::HttpExecutor::create(loop.context.get_executor(), clock, std::move(options))
                     .value()) {}

  core::Report deliver(store::Run run) { return loop.run(executor->deliver(std::move(run))); }

  IoLoop loop;
  FakeClock clock{kStart};
  std::unique_ptr<io::HttpExecutor> executor;
};

}  // namespace rruled::test
