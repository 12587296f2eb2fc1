#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

constexpr const char* kBad[] = {
    "\xff",              // never
    "a\x80",             // a tail alone
    "\xc3",              // a tail missing
    "\xc3(",             // a tail wrong
    "\xc0\xaf",          // overlong '/'
    "\xe0\x80\xaf",      // overlong, three
    "\xf0\x80\x80\xaf",  // overlong, four
    "\xed\xa0\x80",      // surrogate
    "\xf4\x90\x80\x80",  // above U+10FFFF
    "\xf8\x88\x80\x80\x80",
};

// Expects that `write` is refused, naming `column`, and that nothing is written.
template <class Write>
void check_refused(Store& store, const std::string& column, Write write) {
  INFO(column);
  const auto before = dump(store);
  try {
    write();
    FAIL("was written");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::invalid);
    CHECK_THAT(error.what(), Catch::Contains(column));
  }
  CHECK(dump(store) == before);
}

// Calls `spoil(column)` once for each text column, with the column's member spoilt meanwhile.
template <class Row, class Refused>
int for_each_text(Row& row, const std::string& bad, Refused refused) {
  int columns = 0;
  visit_columns(row, [&](std::string_view column, auto& member) {
    using Member = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::same_as<Member, std::string> ||
                  std::same_as<Member, std::optional<std::string>>) {
      const auto good = member;
      member = "good " + bad;
      refused(std::string(kTable<std::remove_cvref_t<Row>>) + "." + std::string(column));
      member = good;
      ++columns;
    }
  });
  return columns;
}

void refuses_bad_texts_of_writers(Store& store) {
  CHECK_FALSE(store.write({.flows = {{a_flow(), {}}}}, at(0)));
  int columns = 0;
  for (const std::string& bad : {std::string("\xff"), std::string("\0", 1)}) {
    auto flow = a_flow(2);
    columns += for_each_text(flow, bad, [&](const std::string& column) {
      check_refused(store, column, [&] { (void)store.write(put(flow), at(0)); });
    });
    auto schedule = a_schedule();
    columns += for_each_text(schedule, bad, [&](const std::string& column) {
      check_refused(store, column, [&] { (void)store.write(put(schedule), at(0)); });
    });
    auto run = a_manual_run(1);
    columns += for_each_text(run, bad, [&](const std::string& column) {
      check_refused(store, column, [&] { (void)store.write({.runs = {run}}, at(0)); });
    });
    Calendar calendar;
    columns += for_each_text(calendar, bad, [&](const std::string& column) {
      check_refused(store, column, [&] {
        (void)store.write({.calendars = {{calendar, {}}}}, at(0));
      });
    });
  }
  CHECK(columns == 2 * (11 + 7 + 8 + 3));
}

// Among many the one to correct could not be told.
void names_the_row_of_a_bad_text(Store& store) {
  auto bad = a_schedule(2);
  bad.note = "\xff";
  const ChangeSet changes{.flows = {{a_flow(), {}}},
                          .schedules = {{a_schedule(), {}}, {bad, {}}, {a_schedule(3), {}}}};
  check_refused(store, "schedules.note: not UTF-8, or NUL, at byte 0 of row " + to_string(bad.id),
                [&] { (void)store.write(changes, at(0)); });
}

void refuses_every_kind_of_bad_text(Store& store) {
  int refused = 0;
  for (const std::string bad : kBad) {
    for (const std::string before : {"", "12345678", "1234567"}) {
      auto flow = a_flow();
      flow.description = before + bad;
      check_refused(store, "flows.description", [&] { (void)store.write(put(flow), at(0)); });
      ++refused;
    }
  }
  CHECK(refused == 30);
  auto flow = a_flow();
  flow.description =
      "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
  CHECK_FALSE(store.write(put(flow), at(0)));
}

void refuses_bad_texts_of_the_daemon(Store& store) {
  CHECK_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto schedule = a_schedule();
  int columns = 0;
  auto run = a_run(schedule, kStart);
  columns += for_each_text(run, "\xff", [&](const std::string& column) {
    check_refused(store, column, [&] {
      (void)store.settle({a_settlement(schedule, {run}, nominal(1))}, claimant, at(0));
    });
  });
  auto line = a_log_line("text");
  columns += for_each_text(line, "\xff", [&](const std::string& column) {
    check_refused(store, column, [&] {
      auto settlement = a_settlement(schedule, {}, nominal(1));
      settlement.logs = {line};
      (void)store.settle({settlement}, claimant, at(0));
    });
  });
  check_refused(store, "schedules.status_reason", [&] {
    auto settlement = a_settlement(schedule, {}, nominal(1));
    settlement.then_reason = "\xff";
    (void)store.settle({settlement}, claimant, at(0));
  });
  const auto claimed = store.settle({a_settlement(schedule, {a_run(schedule, kStart)}, nominal(1))},
                                    claimant, at(0));
  auto finish = a_finish(claimed.at(0).claimed.at(0), RunStatus::completed, at(1));
  columns += for_each_text(finish.attempt, "\xff", [&](const std::string& column) {
    check_refused(store, column, [&] { (void)store.finish({finish}, claimant, at(1)); });
  });
  columns += for_each_text(line, "\xff", [&](const std::string& column) {
    check_refused(store, column, [&] {
      auto with_log = finish;
      with_log.logs = {line};
      (void)store.finish({with_log}, claimant, at(1));
    });
  });
  check_refused(store, "runs.reason", [&] {
    auto with_reason = finish;
    with_reason.reason = "\xff";
    (void)store.finish({with_reason}, claimant, at(1));
  });
  CHECK(columns == 8 + 1 + 2 + 1);
}

void refuses_rows_that_contradict_themselves(Store& store) {
  CHECK_FALSE(store.write({.flows = {{a_flow(1), {}}, {a_flow(2), {}}},
                           .schedules = {{a_schedule(1), {}}, {a_schedule(2), {}}}},
                          at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto schedule = a_schedule();
  const auto refused_write = [&](const std::string& column, const ChangeSet& changes) {
    check_refused(store, column, [&] { (void)store.write(changes, at(0)); });
  };
  const auto refused_settlement = [&](const std::string& column, auto change) {
    auto settlement = a_settlement(schedule, {a_run(schedule, kStart)}, nominal(1));
    change(settlement);
    // The good one in front is not written either.
    check_refused(store, column, [&] {
      (void)store.settle(
          {a_settlement(a_schedule(2), {a_run(a_schedule(2), kStart)}, nominal(1)), settlement},
          claimant, at(0));
    });
  };

  auto half = a_schedule(3);
  half.next_due_at.reset();
  refused_write("schedules.next_due_at", put(half));
  auto none_running = a_schedule(3);
  none_running.max_running = 0;
  refused_write("schedules.max_running", put(none_running));
  refused_write("gaps.to_at",
                {.gaps = {{schedule.id, GapReason::missed, nominal(1), nominal(0), 1}}});
  for (const auto status : {RunStatus::waiting, RunStatus::dispatching, RunStatus::completed}) {
    auto run = a_manual_run(1);
    run.status = status;
    refused_write("runs.status", {.runs = {run}});
  }

  refused_settlement("schedules.next_due_at", [](auto& s) { s.then_due_at.reset(); });
  refused_settlement("schedules.max_running", [](auto& s) { s.max_running = 0; });
  refused_settlement("runs.status", [](auto& s) { s.runs[0].status = RunStatus::running; });
  refused_settlement("runs.schedule_id", [](auto& s) { s.runs[0].schedule_id = schedule_id(2); });
  refused_settlement("runs.flow_id", [](auto& s) { s.runs[0].flow_id = flow_id(2); });
  refused_settlement("log_lines.flow_id", [](auto& s) { s.logs = {a_log_line("x", 2)}; });
  refused_settlement("gaps.schedule_id", [](auto& s) {
    s.gaps = {{schedule_id(2), GapReason::missed, kStart, kStart, 1}};
  });

  const auto claimed = store.settle({a_settlement(schedule, {a_run(schedule, kStart)}, nominal(1))},
                                    claimant, at(0));
  const auto refused_finish = [&](const std::string& column, auto change) {
    auto finish = a_finish(claimed.at(0).claimed.at(0), RunStatus::completed, at(1));
    change(finish);
    check_refused(store, column, [&] { (void)store.finish({finish}, claimant, at(1)); });
  };
  refused_finish("attempts.run_id", [](auto& f) { f.attempt.run_id = run_id(5); });
  refused_finish("attempts.number", [](auto& f) { f.attempt.number = 0; });
  refused_finish("log_lines.flow_id", [](auto& f) { f.logs = {a_log_line("x", 2)}; });
}

}  // namespace

std::vector<Check> refusal_checks() {
  return {
      {"refuses bad texts of writers", refuses_bad_texts_of_writers},
      {"names the row of a bad text", names_the_row_of_a_bad_text},
      {"refuses every kind of bad text", refuses_every_kind_of_bad_text},
      {"refuses bad texts of the daemon", refuses_bad_texts_of_the_daemon},
      {"refuses rows that contradict themselves", refuses_rows_that_contradict_themselves},
  };
}

}  // namespace rruled::test
