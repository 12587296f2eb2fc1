// Log lines for programs: JSON members and entries of the journal.
#include "daemon/io/logging.h"

#include "daemon/io/journal.h"
#include "daemon/io/log_fields.h"
#include "tests/support/datagram_socket.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

namespace rruled::test {
namespace {

namespace json = boost::json;
using core::Notice;

// The next entry that has come, read as the journal reads it.
std::map<std::string, std::string> entry_of(DatagramSocket& journal) {
  const std::string text = journal.take().value();
  std::map<std::string, std::string> fields;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find_first_of("=\n", at);
    const std::string name = text.substr(at, end - at);
    std::size_t length = text.find('\n', end + 1) - end - 1;
    std::size_t value = end + 1;
    if (text[end] == '\n') {
      length = 0;
      for (unsigned i = 0; i < 8; ++i)
        length |= static_cast<std::size_t>(static_cast<unsigned char>(text[end + 1 + i]))
                  << (8 * i);
      value += 8;
    }
    fields[name] = text.substr(value, length);
    at = value + length + 1;
  }
  return fields;
}

Notice ended(store::RunStatus status, const std::string& error) {
  Notice notice{.kind = Notice::Kind::run_ended};
  notice.run = sample_run();
  notice.run->started_at = notice.run->due_at + std::chrono::milliseconds(20);
  notice.status = status;
  notice.report.emplace().status_code = 503;
  notice.report->error = error;
  return notice;
}

}  // namespace

TEST_CASE("an entry of the journal has the run's ids as fields") {
  const TempDir dir;
  DatagramSocket journal(dir.file("socket"));
  const auto log = io::make_logger({.level = io::LogVerbosity::debug,
                                    .format = io::LogFormat::journald,
                                    .journal_socket = dir.file("socket")});
  FakeClock clock(kStart);
  io::Journal lines(log, clock);
  lines.on(ended(store::RunStatus::failed, "it said no"));
  auto entry = entry_of(journal);
  CHECK(entry["RRULED_RUN"] == "0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f");
  CHECK(entry["RRULED_SCHEDULE"] == "01890000-0000-7000-8000-000000000002");
  CHECK(entry["RRULED_FLOW"] == "01890000-0000-7000-8000-000000000001");
  CHECK(entry["RRULED_PROJECT"] == "7");
  CHECK(entry["RRULED_ATTEMPT"] == "1");
  CHECK(entry["RRULED_OUTCOME"] == "failed");
  CHECK(entry["RRULED_STATUS_CODE"] == "503");
  CHECK(entry["RRULED_LATENESS_MS"] == "20");
  CHECK(entry["RRULED_SCHEDULED_FOR"] == "2026-01-01T09:00:00Z");
  CHECK(entry["RRULED_TRACE_ID"] == "0b2f3f5e4a515c1e9a531a2b3c4d5e6f");
  CHECK(entry["PRIORITY"] == "3");
  CHECK(entry["SYSLOG_IDENTIFIER"] == "rruled");
  CHECK_THAT(entry["MESSAGE"], Catch::Contains("Weekly digest") && Catch::Contains("it said no"));

  // The next line is about nothing; a line end in a text begins no field.
  log->debug("two\nRRULED_RUN=forged");
  entry = entry_of(journal);
  CHECK(entry["MESSAGE"] == "two\nRRULED_RUN=forged");
  CHECK(entry["PRIORITY"] == "7");
  CHECK(entry.size() == 3);
  log->warn("w");
  CHECK(entry_of(journal)["PRIORITY"] == "4");
  log->info(std::string(1'000'000, 'x'));
  CHECK(entry_of(journal)["MESSAGE"].size() == 65'536);
}

TEST_CASE("a name from a stranger makes no line of its own, and no colour, in a log of text") {
  std::ostringstream out;
  spdlog::logger log("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  log.set_formatter(io::text_formatter());
  log.info("{}", "x\n2030-01-01 00:00:00.000  error  the store is damaged\x1b[31m\x7f\u0085 é");
  const std::string text = out.str();
  CHECK(std::ranges::count(text, '\n') == 1);
  CHECK_THAT(text, Catch::EndsWith("info   x 2030-01-01 00:00:00.000  error  the store is damaged"
                                   " [31m   é\n"));
}

TEST_CASE("a run that was cancelled is no failure") {
  const TempDir dir;
  DatagramSocket journal(dir.file("socket"));
  const auto log =
      io::make_logger({.format = io::LogFormat::journald, .journal_socket = dir.file("socket")});
  FakeClock clock(kStart);
  io::Journal lines(log, clock);
  lines.on(ended(store::RunStatus::cancelled, "cancelled"));
  const auto entry = entry_of(journal);
  CHECK(entry.at("PRIORITY") == "4");
  CHECK(entry.at("RRULED_OUTCOME") == "cancelled");
  CHECK_THAT(entry.at("MESSAGE"), Catch::EndsWith("  cancelled"));
  lines.sum_up();
  CHECK_THAT(entry_of(journal).at("MESSAGE"), Catch::Contains(" 0 failed, 1 cancelled,"));
}

// Lines as a person reads them, without their time.
struct TextLines {
  TextLines() { log->set_pattern("%v"); }
  std::ostringstream out;
  const std::shared_ptr<spdlog::logger> log = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  FakeClock clock{kStart};
  io::Journal lines{log, clock};
};

TEST_CASE("two schedules of one flow had lines in the log that nobody could tell apart") {
  TextLines text;
  text.lines.on(ended(store::RunStatus::failed, "no"));
  auto other = ended(store::RunStatus::failed, "no");
  other.run->id.value.data[5] ^= 0xffU;
  text.lines.on(other);
  CHECK(text.out.str() ==
        "Weekly digest  scheduled 2026-01-01T09:00:00Z  run 0b2f3f5e-4a51  late 20 ms  failed "
        "(503): no\n"
        "Weekly digest  scheduled 2026-01-01T09:00:00Z  run 0b2f3f5e-4aae  late 20 ms  failed "
        "(503): no\n");
}

TEST_CASE("the line of a run that was given up or cancelled did not say why") {
  TextLines text;
  auto end = ended(store::RunStatus::dead, "no");
  end.run->reason = "attempts_used_up";
  end.run->retry.max_attempts = 2;
  text.lines.on(end);
  CHECK_THAT(text.out.str(), Catch::EndsWith("  dead (503): its 2 attempts are used up: no\n"));
  end = ended(store::RunStatus::cancelled, "cancelled");
  end.run->reason = "cancelled_by_operator";
  text.lines.on(end);
  CHECK_THAT(text.out.str(), Catch::EndsWith("  cancelled: cancelled_by_operator\n"));
}

TEST_CASE("a store that hangs is said once, and when it is back") {
  TextLines text;
  text.lines.on_store_silence("settle", std::chrono::seconds(36));
  text.lines.on_turn({.store_away = true});
  CHECK(text.out.str() ==
        "the store is silent: it was asked to settle 36 s ago, and has neither answered nor failed;"
        " look at its disk, at its server, and at who holds locks there\n");
  text.out.str("");
  text.clock.ahead += std::chrono::minutes(1);
  text.lines.on_turn({.store_away = false});
  CHECK(text.out.str() == "the store answers again after 60 s\n");
}

TEST_CASE("a store that was away was said at every try, and never that it was back") {
  TextLines text;
  const Notice failed{.kind = Notice::Kind::store_failed, .text = "no connection"};
  const auto turn = [&text](bool away) { text.lines.on_turn({.store_away = away}); };
  const std::string line = "the store failed, trying again: no connection\n";
  turn(false);
  for (int n = 0; n < 5; ++n) {
    text.lines.on(failed);
    text.lines.on(failed);
    turn(true);
  }
  CHECK(text.out.str() == line);
  text.clock.ahead += std::chrono::minutes(2);
  text.lines.on(failed);
  CHECK(text.out.str() == line + line);
  text.out.str("");
  turn(false);
  turn(false);
  CHECK(text.out.str() == "the store answers again after 120 s\n");
  text.out.str("");
  text.lines.on(failed);
  CHECK(text.out.str() == line);
}

TEST_CASE("the line of a gap did not say which schedule it is of, nor what runs it") {
  TextLines text;
  Notice gap{.kind = Notice::Kind::gap, .text = "Weekly digest"};
  const auto first = std::chrono::floor<std::chrono::seconds>(kStart);
  gap.gap = store::Gap{*sample_run().schedule_id, store::GapReason::missed, first,
                       first + std::chrono::seconds(30), 31};
  text.lines.on(gap);
  const std::string id = to_string(gap.gap->schedule_id);
  CHECK(text.out.str() ==
        "Weekly digest  31 occurrences from 2026-01-01T09:00:00Z to 2026-01-01T09:00:30Z will not "
        "run: missed (rruled schedule backfill " +
            id + " --from 2026-01-01T09:00:00Z --to 2026-01-01T09:00:31Z runs them)\n");
  text.out.str("");
  gap.gap->reason = store::GapReason::calendar;
  text.lines.on(gap);
  CHECK_THAT(text.out.str(), Catch::EndsWith(" will not run: calendar (schedule " + id + ")\n"));
}

TEST_CASE("without a journal the daemon says so, and entries are not lost when one goes") {
  const TempDir dir;
  const io::Config::Log config{.format = io::LogFormat::journald,
                               .journal_socket = dir.file("none")};
  CHECK_THROWS_WITH(io::make_logger(config), Catch::Contains("set log.format = \"text\""));
  auto journal = std::make_unique<DatagramSocket>(dir.file("none"));
  const auto log = io::make_logger(config);
  journal.reset();
  log->info("to standard error");  // does not throw
  journal = std::make_unique<DatagramSocket>(dir.file("none"));
  log->info("back");
  CHECK(entry_of(*journal)["MESSAGE"] == "back");
}

TEST_CASE("a journal that is full holds nobody up, and is told how much it lost") {
  const TempDir dir;
  DatagramSocket journal(dir.file("socket"));
  const auto log =
      io::make_logger({.format = io::LogFormat::journald, .journal_socket = dir.file("socket")});
  for (int i = 0; i < 10'000; ++i) log->info("line {}", i);  // more than any queue
  int taken = 0;
  while (journal.take()) ++taken;
  REQUIRE(taken < 10'000);
  log->info("after");
  CHECK(entry_of(journal)["MESSAGE"] ==
        std::to_string(10'000 - taken) + " lines before this one were lost: the journal was full");
  CHECK(entry_of(journal)["MESSAGE"] == "after");
}

TEST_CASE("the fields of a run are those that a line of JSON has") {
  const auto fields = io::fields_of(sample_run());
  json::object names;
  for (const auto& each : fields) names[each.name] = each.value.index();
  for (const char* name : {"run", "flow", "project", "schedule", "scheduled_for", "origin",
                           "attempt", "executor", "trace_id"})
    CHECK(names.contains(name));
  CHECK(io::LogScope::now() == nullptr);
  {
    int made = 0;
    const io::LogScope scope([&] {
      ++made;
      return fields;
    });
    CHECK(made == 0);
    CHECK(io::LogScope::now()->size() == fields.size());
    CHECK(io::LogScope::now()->size() == fields.size());
    CHECK(made == 1);
  }
  CHECK(io::LogScope::now() == nullptr);
}

TEST_CASE("a line of text had the local time, twice the same on a night of the clock change") {
  const char* const zone = std::getenv("TZ");
  const std::string before = zone == nullptr ? "" : zone;
  ::setenv("TZ", "XXX-5", 1);
  ::tzset();
  spdlog::memory_buf_t out;
  const spdlog::log_clock::time_point at(kStart.time_since_epoch());
  io::text_formatter()->format(spdlog::details::log_msg(at, {}, "rruled", spdlog::level::info, "x"),
                               out);
  if (zone == nullptr)
    ::unsetenv("TZ");
  else
    ::setenv("TZ", before.c_str(), 1);
  ::tzset();
  CHECK(std::string(out.data(), out.size()) == "2026-01-01 09:00:00.000Z  info   x\n");
}

TEST_CASE("a long entry of the journal was cut in the middle of a character") {
  const TempDir dir;
  DatagramSocket journal(dir.file("socket"));
  const auto log =
      io::make_logger({.format = io::LogFormat::journald, .journal_socket = dir.file("socket")});
  log->info(std::string(65'535, 'x') + "\u00e9");
  CHECK(entry_of(journal)["MESSAGE"] == std::string(65'535, 'x'));
  log->info(std::string(65'534, 'x') + "\u00e9y");
  CHECK(entry_of(journal)["MESSAGE"] == std::string(65'534, 'x') + "\u00e9");
}

}  // namespace rruled::test
