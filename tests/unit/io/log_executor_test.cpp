#include "daemon/io/log_executor.h"

#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

using rruled::core::Report;
using rruled::io::LogExecutor;
using rruled::test::FakeClock;
using rruled::test::IoLoop;
using rruled::test::kStart;
using rruled::test::sample_run;

TEST_CASE("a run is written down as one line, and completed") {
  std::ostringstream written;
  const auto log = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(written));
  log->set_pattern("%l %v");
  log->set_level(spdlog::level::debug);
  IoLoop loop;
  FakeClock clock(kStart + std::chrono::milliseconds(262));
  LogExecutor executor(clock, log);
  auto run = sample_run();
  run.flow_name = "two\nlines";
  const Report report = loop.run(executor.deliver(run));
  CHECK(report.kind == Report::Kind::completed);
  CHECK(report.started_at == kStart + std::chrono::milliseconds(262));
  CHECK(report.finished_at);
  CHECK(written.str() ==
        "debug batch_job of \"two lines\" 0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f (scheduled for "
        "2026-01-01T09:00:00Z, late by 12 ms)\n");

  written.str("");
  run.scheduled_for.reset();
  run.origin = rruled::store::RunOrigin::manual;
  loop.run(executor.deliver(run));
  CHECK_THAT(written.str(), Catch::Contains("(manual)"));
}
