// What people look at and what the API keeps: store/directory.h on every store.
#include "conformance.h"
#include "sample.h"
#include "store/directory.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace rruled::test {
namespace {

using enum RunStatus;

AuditEntry a_line(const std::string& object, int second = 0) {
  return {at(second), 1, "test", "update", "thing", object, R"({"a":1})", ""};
}

template <class Row>
std::vector<int> numbers_on(const Page<Row>& page) {
  std::vector<int> all;
  for (const auto& row : page.rows)
    all.push_back(row.id.value.data[14] * 256 + row.id.value.data[15]);
  return all;
}
using Numbers = std::vector<int>;

void fill(Store& store) {
  ChangeSet changes;
  for (int n = 1; n <= 5; ++n) {
    auto flow = a_flow(n);
    flow.project_id = n == 5 ? 2 : 1;
    if (n == 2) flow.status = FlowStatus::archived;
    if (n == 3) flow.name = "Nightly REPORT";
    if (n == 4) {
      flow.name.reset();
      flow.description = "the report, \xC3\x89";
    }
    changes.flows.push_back({flow, {}});
    auto schedule = a_schedule(n);
    schedule.project_id = flow.project_id;
    schedule.flow_id = flow_id(n == 5 ? 5 : 1);
    schedule.next_run_at = nominal(100 - n);
    schedule.next_due_at = at(100 - n);
    if (n == 2) {
      schedule.status = ScheduleStatus::paused;
      schedule.next_run_at.reset();
      schedule.next_due_at.reset();
    }
    changes.schedules.push_back({schedule, {}});
  }
  REQUIRE_FALSE(store.write(changes, at(0)));
}

void flows_are_paged_by_what_is_asked(Store& store) {
  fill(store);
  const auto directory = store.directory();
  const auto all = directory->flows({.project_id = 1}, {.limit = 2, .offset = 1});
  CHECK(all.count == 4);
  CHECK(numbers_on(all) == Numbers{3, 2});
  CHECK(numbers_on(directory->flows({.project_id = 2}, {})) == Numbers{5});
  CHECK(numbers_on(directory->flows({.status = FlowStatus::archived}, {})) == Numbers{2});
  CHECK(numbers_on(directory->flows({.search = "rePort"}, {})) == Numbers{4, 3});
  CHECK(numbers_on(directory->flows({.search = "\xC3\x89"}, {})) == Numbers{4});
  CHECK(directory->flows({.search = "%"}, {}).count == 0);
  CHECK(directory->flows({.search = "'; DROP TABLE flows; --"}, {}).count == 0);
  CHECK(numbers_on(directory->flows({.id = flow_id(3)}, {})) == Numbers{3});
  CHECK(numbers_on(directory->flows({.created_at = at(2)}, {})) == Numbers{2});
  CHECK(numbers_on(directory->flows({.updated_at = at(4)}, {})) == Numbers{4});
  CHECK(directory->flows({}, {.limit = 10, .offset = 1'000'000'000}).rows.empty());
  CHECK(show(directory->flows({.id = flow_id(3)}, {}).rows.at(0)) == show(*store.flow(flow_id(3))));
}

// Each with texts of its own, that lie where those of the one before lay.
void the_next_directory_was_answered_what_the_one_before_had_asked(Store& store) {
  fill(store);
  const auto flows = [&](const FlowFilter& filter) {
    return numbers_on(store.directory()->flows(filter, {}));
  };
  CHECK(flows({.id = flow_id(3)}) == Numbers{3});
  CHECK(flows({.status = FlowStatus::archived}) == Numbers{2});
  CHECK(flows({.created_at = at(4)}) == Numbers{4});
  CHECK(flows({.project_id = 2}) == Numbers{5});
  CHECK(numbers_on(store.directory()->schedules({.project_id = 2}, {})) == Numbers{5});
  CHECK(store.directory()->runs({}, {}, true).count == 0);
  CHECK(store.directory()->logs({}, {}).count == 0);
}

void schedules_are_paged_by_what_is_asked(Store& store) {
  fill(store);
  const auto directory = store.directory();
  CHECK(numbers_on(directory->schedules({.flow_id = flow_id(1)}, {})) == Numbers{4, 3, 2, 1});
  CHECK(numbers_on(directory->schedules({}, {.limit = 1, .offset = 3})) == Numbers{1});
  CHECK(numbers_on(directory->schedules({.project_id = 2}, {})) == Numbers{5});
  CHECK(numbers_on(directory->schedules({.id = schedule_id(2)}, {})) == Numbers{2});
  CHECK(numbers_on(directory->schedules({.status = ScheduleStatus::paused}, {})) == Numbers{2});
  CHECK(numbers_on(directory->schedules({.created_at = at(3)}, {})) == Numbers{3});
  CHECK(numbers_on(directory->schedules({.updated_at = at(1)}, {})) == Numbers{1});
  // Soonest first, what is due at the bound left out.
  const auto due = directory->schedules({.due_before = at(99)}, {});
  CHECK(due.count == 2);
  CHECK(numbers_on(due) == Numbers{4, 3});
  CHECK(show(due.rows.at(0)) == show(*store.schedule(schedule_id(4))));
}

void schedules_that_resume_are_found_by_when(Store& store) {
  fill(store);
  ChangeSet changes;
  for (const int n : {1, 2, 3}) {
    auto row = *store.schedule(schedule_id(n));
    row.status = n == 3 ? ScheduleStatus::active : ScheduleStatus::paused;
    row.paused_until = at(100 - n);
    changes.schedules.push_back(
        {row, ScheduleStamp{row.version, row.next_run_at, store.schedule(row.id)->status}});
  }
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto directory = store.directory();
  // The first to resume comes first; what resumes at the bound is left out.
  CHECK(numbers_on(directory->schedules({.resumes_before = at(100)}, {})) == Numbers{2, 1});
  CHECK(numbers_on(directory->schedules({.resumes_before = at(99)}, {})) == Numbers{2});
  CHECK(directory->schedules({.project_id = 2, .resumes_before = at(100)}, {}).count == 0);
}

void runs_are_paged_by_what_is_asked(Store& store) {
  fill(store);
  ChangeSet changes;
  for (int n = 1; n <= 6; ++n) {
    auto run = a_manual_run(n, n == 6 ? 5 : 1);
    run.project_id = n == 6 ? 2 : 1;
    run.due_at = at(n < 3 ? 10 : n * 10);  // the first two at once
    run.kind = n % 2 == 0 ? RunKind::batch_job : RunKind::invocation;
    if (n == 3) run.schedule_id = schedule_id(1);
    changes.runs.push_back(run);
  }
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto directory = store.directory();
  const auto page = directory->runs({}, {.limit = 3}, true);
  CHECK(page.count == 5);
  CHECK(numbers_on(page) == Numbers{5, 4, 3});
  CHECK(directory->runs({}, {.limit = 3}, false).count == 0);
  RunFilter next{.before = RunCursor{at(30), run_id(3)}};
  CHECK(numbers_on(directory->runs(next, {}, false)) == Numbers{2, 1});
  next.before = RunCursor{at(10), run_id(2)};
  CHECK(numbers_on(directory->runs(next, {}, false)) == Numbers{1});
  CHECK(numbers_on(directory->runs({.project_id = 2, .flow_id = flow_id(5)}, {}, true)) ==
        Numbers{6});
  CHECK(numbers_on(directory->runs({.schedule_id = schedule_id(1)}, {}, true)) == Numbers{3});
  CHECK(numbers_on(directory->runs({.kind = RunKind::batch_job}, {}, true)) == Numbers{4, 2});
  CHECK(directory->runs({.statuses = {completed, failed}}, {}, true).count == 0);
  CHECK(directory->runs({.statuses = {completed, pending}}, {}, true).count == 5);
  CHECK(numbers_on(directory->runs({.due_from = at(10), .due_to = at(40)}, {}, true)) ==
        Numbers{3, 2, 1});
  CHECK(show(page.rows.at(2)) == show(*store.run(run_id(3))));
}

void the_last_run_of_a_schedule(Store& store) {
  fill(store);
  ChangeSet changes;
  for (int n = 1; n <= 4; ++n) {
    auto run = a_manual_run(n);
    run.due_at = at(n < 3 ? 10 : 5);
    run.schedule_id = schedule_id(n < 4 ? 1 : 3);
    changes.runs.push_back(run);
  }
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto directory = store.directory();
  auto found = directory->last_runs({schedule_id(1), schedule_id(2), schedule_id(3)});
  std::ranges::sort(found, {}, [](const Run& run) { return run.id; });
  REQUIRE(found.size() == 2);
  CHECK(show(found[0]) == show(*store.run(run_id(2))));
  CHECK(show(found[1]) == show(*store.run(run_id(4))));
  CHECK(directory->last_runs({}).empty());
}

void logs_are_paged_by_what_is_asked(Store& store) {
  fill(store);
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto row = *store.schedule(schedule_id(4));
  auto run = a_run(row, *row.next_run_at);
  auto settlement = a_settlement(row, {run}, nominal(1'000));
  for (int n = 1; n <= 4; ++n) {
    auto line = a_log_line("Line " + std::to_string(n));
    line.timestamp = at(n < 3 ? 1 : n);  // the first two at once: by the order of writing
    line.level = n == 3 ? LogLevel::error : LogLevel::info;
    if (n > 2) line.run_id = run.id;
    settlement.logs.push_back(line);
  }
  REQUIRE(store.settle({settlement}, claimant, at(200)).at(0).claimed.size() == 1);
  const auto directory = store.directory();
  const auto lines = [&](const LogFilter& filter, PageRange range = {}) {
    std::string text;
    for (const auto& each : directory->logs(filter, range).rows) text += each.message.back();
    return text;
  };
  CHECK(lines({.flow_id = flow_id(1)}) == "4321");
  CHECK(lines({.flow_id = flow_id(1)}, {.limit = 2, .offset = 1}) == "32");
  CHECK(directory->logs({.flow_id = flow_id(1)}, {.limit = 1}).count == 4);
  CHECK(lines({.run_id = run.id}) == "43");
  CHECK(lines({.after = at(1)}) == "43");
  CHECK(lines({.before = at(3)}) == "21");
  CHECK(lines({.levels = {LogLevel::error, LogLevel::warn}}) == "3");
  CHECK(lines({.search = "lINE 2"}) == "2");
  CHECK(lines({.flow_id = flow_id(2)}).empty());
}

void tokens_are_kept_byte_by_byte(Store& store) {
  const auto directory = store.directory();
  Token token;
  token.id = id_of<TokenId>(1);
  token.project_id = 7;
  token.name = "deploy";
  for (int byte = 0; byte < 32; ++byte) token.hash += static_cast<char>(byte * 8);
  token.scopes = "hog_flow:read";
  token.created_at = at(1);
  token.expires_at = at(100);
  auto other = token;
  other.id = id_of<TokenId>(2);
  other.project_id.reset();
  other.hash.back() = 'x';
  other.created_at = at(0);
  other.expires_at.reset();
  directory->add_token(token, a_line("1"));
  directory->add_token(other, a_line("2"));
  CHECK(directory->token_by_hash(token.hash) == token);
  CHECK_FALSE(directory->token_by_hash(std::string(32, 'n')));
  CHECK(directory->tokens() == std::vector{other, token});
  CHECK(store.directory()->tokens() == std::vector{other, token});
  directory->touch_token(token.id, at(5));
  CHECK(directory->revoke_token(token.id, at(6), a_line("1")));
  CHECK(directory->revoke_token(token.id, at(7), a_line("1")));
  CHECK_FALSE(directory->revoke_token(id_of<TokenId>(3), at(7), a_line("3")));
  token.last_used_at = at(5);
  token.revoked_at = at(6);
  CHECK(directory->token_by_hash(token.hash) == token);
  CHECK(directory->audit({.object_id = "1"}, {}).count == 3);
  CHECK(directory->audit({.object_id = "3"}, {}).count == 0);
}

void the_first_request_is_remembered(Store& store) {
  const auto directory = store.directory();
  CHECK(directory->remember_request(run_id(1).value, "one") == "one");
  CHECK(directory->remember_request(run_id(1).value, "two") == "one");
  CHECK(directory->remember_request(run_id(2).value, "two") == "two");
  CHECK(store.directory()->remember_request(run_id(1).value, "three") == "one");
}

void a_run_that_nobody_sends_is_cancelled(Store& store) {
  auto schedule = a_schedule();
  schedule.overlap = OverlapPolicy::buffer_all;
  REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .schedules = {{schedule, {}}}}, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto row = *store.schedule(schedule_id(1));
  std::vector<Run> runs{a_run(row, nominal(0), pending), a_run(row, nominal(1), pending),
                        a_run(row, nominal(2), pending)};
  (void)store.settle({a_settlement(row, runs, nominal(10))}, claimant, at(9));
  REQUIRE(store.run(runs[1].id)->status == waiting);
  const auto directory = store.directory();
  const auto cancel = [&](RunId id) {
    return directory->cancel_run(id, "why", at(20), a_line("r"));
  };
  const auto revision = store.changes_since(0).revision;
  CHECK(cancel(run_id(99)) == CancelResult::missing);
  CHECK(cancel(runs[2].id) == CancelResult::cancelled);
  CHECK(store.run(runs[1].id)->status == waiting);  // the first one holds the slot
  CHECK(cancel(runs[0].id) == CancelResult::cancelled);
  const auto ended = *store.run(runs[0].id);
  CHECK(ended.status == cancelled);
  CHECK(ended.reason == "why");
  CHECK(ended.finished_at == at(20));
  CHECK_FALSE(ended.available_at);
  CHECK(cancel(runs[0].id) == CancelResult::ended);
  CHECK(store.run(runs[1].id)->status == pending);
  CHECK(store.changes_since(revision).runs_added);
  REQUIRE(store.claim({claimant, {"default"}}, at(21)).runs.size() == 1);
  CHECK(cancel(runs[1].id) == CancelResult::asked);  // run_desk_checks() has the rest
  CHECK(store.run(runs[1].id)->status == dispatching);
  CHECK(directory->audit({.object_id = "r"}, {}).count == 3);
}

void writes_leave_their_lines(Store& store) {
  const auto directory = store.directory();
  auto first = a_line("f", 1);
  auto second = a_line("s", 2);
  second.project_id = 2;
  second.after = "{}";
  second.before.clear();
  auto nobody = a_line("t", 3);
  nobody.project_id.reset();
  REQUIRE_FALSE(store.write({.flows = {{a_flow(), {}}}, .audit = {first, second, nobody}}, at(0)));
  // Refused, so nothing was done.
  CHECK(store.write({.flows = {{a_flow(), {}}}, .audit = {a_line("x")}}, at(0)));
  using Lines = std::vector<AuditEntry>;
  CHECK(directory->audit({}, {}).rows == Lines{nobody, second, first});
  CHECK(directory->audit({}, {.limit = 1, .offset = 1}).rows == Lines{second});
  CHECK(directory->audit({}, {.limit = 1}).count == 3);
  CHECK(directory->audit({.project_id = 1}, {}).rows == Lines{first});
  CHECK(directory->audit({.object_id = "s"}, {}).rows == Lines{second});
  CHECK(directory->audit({.from = at(2), .to = at(3)}, {}).rows == Lines{second});
  auto bad = first;
  bad.actor = "\xff";
  CHECK_THROWS_AS(store.write({.audit = {bad}}, at(0)), StoreError);
}

void runs_and_gaps_are_tallied(Store& store) {
  REQUIRE_FALSE(store.write(
      {.flows = {{a_flow(), {}}, {a_flow(2), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
  ChangeSet changes;
  for (int n = 1; n <= 7; ++n) {
    auto run = a_manual_run(n, n == 7 ? 2 : 1);
    run.due_at = at(n * 10);
    if (n == 5 || n == 6) {
      run.origin = RunOrigin::child;
      run.parent_id = ParentId{run_id(4).value};
    }
    changes.runs.push_back(run);
  }
  changes.gaps = {{schedule_id(1), GapReason::missed, nominal(25), nominal(26), 5},
                  {schedule_id(1), GapReason::paused, nominal(61), nominal(62), 7}};
  REQUIRE_FALSE(store.write(changes, at(0)));
  const auto claimant = store.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  const auto claimed = store.claim({claimant, {"default"}, 2}, at(100)).runs;
  REQUIRE(claimed.size() == 2);
  REQUIRE(store.finish({a_finish(claimed[0], completed, at(101))}, claimant, at(101))[0].written);
  const auto directory = store.directory();
  TallyFilter filter{flow_id(1), {}, at(10), at(60), 20s};
  auto tallies = directory->tallies(filter);
  CHECK(tallies.runs == std::vector<Tally>{{0, dispatching, false, 1},
                                           {0, completed, true, 1},
                                           {1, pending, false, 2}});
  CHECK(tallies.gaps == std::vector<GapTally>{{0, GapReason::missed, 5}});
  filter.of_run = run_id(4);
  tallies = directory->tallies(filter);
  CHECK(tallies.runs == std::vector<Tally>{{1, pending, false, 1}, {2, pending, false, 1}});
  CHECK(tallies.gaps.empty());
  filter.of_run = run_id(1);
  CHECK(directory->tallies(filter).runs == std::vector<Tally>{{0, completed, true, 1}});
  CHECK(directory->tallies({flow_id(3), {}, at(0), at(100), 1s}).runs.empty());
}

void gaps_are_paged_by_what_is_asked(Store& store) {
  fill(store);  // schedules 1 to 4 of flow 1, and of project 2 schedule 5 of flow 5
  const auto gap = [](int schedule, int from, int to, GapReason reason = GapReason::missed) {
    return Gap{schedule_id(schedule), reason, nominal(from), nominal(to), 3};
  };
  ChangeSet changes;
  // Four end at one time, two of them of one schedule.
  changes.gaps = {gap(1, 40, 50), gap(2, 10, 30), gap(1, 20, 30, GapReason::paused),
                  gap(5, 20, 30), gap(3, 5, 5),   gap(1, 15, 30)};
  REQUIRE_FALSE(store.write(changes, at(0)));
  using Gaps = std::vector<KeptGap>;
  const auto row = [&](std::size_t number) {
    return KeptGap{changes.gaps[number], flow_id(number == 3 ? 5 : 1)};
  };
  const auto directory = store.directory();
  const auto asked = [&](const GapFilter& filter) { return directory->gaps(filter, {}); };
  CHECK(asked({.project_id = 1}) == Gaps{row(0), row(1), row(2), row(5), row(4)});
  CHECK(asked({.project_id = 2}) == Gaps{row(3)});
  CHECK(asked({}) == Gaps{row(0), row(3), row(1), row(2), row(5), row(4)});
  CHECK(directory->gaps({.project_id = 1}, {.limit = 2, .offset = 1}) == Gaps{row(1), row(2)});
  CHECK(asked({.project_id = 1, .flow_id = flow_id(1)}) == asked({.project_id = 1}));
  CHECK(asked({.project_id = 2, .flow_id = flow_id(1)}).empty());
  CHECK(asked({.flow_id = flow_id(5)}) == Gaps{row(3)});
  CHECK(asked({.project_id = 1, .schedule_id = schedule_id(1)}) == Gaps{row(0), row(2), row(5)});
  CHECK(asked({.project_id = 2, .schedule_id = schedule_id(1)}).empty());
  CHECK(asked({.reason = GapReason::paused}) == Gaps{row(2)});
  // What reaches into [from, to), whose ends are of a millisecond.
  CHECK(asked({.project_id = 1, .from = at(30)}) == Gaps{row(0), row(1), row(2), row(5)});
  CHECK(asked({.project_id = 1, .from = at(30) + 1ms}) == Gaps{row(0)});
  CHECK(asked({.project_id = 1, .to = at(10)}) == Gaps{row(4)});
  CHECK(asked({.project_id = 1, .to = at(10) + 1ms}) == Gaps{row(1), row(4)});
  // What comes after each of them, in each order that an index gives.
  const auto after = [&](const GapFilter& filter) {
    const auto all = asked(filter);
    for (std::size_t n = 0; n < all.size(); ++n) {
      auto rest = filter;
      rest.before = place_of(all[n].gap);
      CHECK(asked(rest) == Gaps(all.begin() + static_cast<std::ptrdiff_t>(n) + 1, all.end()));
    }
    return all.size();
  };
  CHECK(after({}) == 6);
  CHECK(after({.project_id = 1}) == 5);
  CHECK(after({.project_id = 1, .reason = GapReason::missed}) == 4);
  CHECK(after({.project_id = 1, .flow_id = flow_id(1)}) == 5);
  CHECK(after({.project_id = 1, .schedule_id = schedule_id(1)}) == 3);
}

}  // namespace

std::vector<Check> directory_checks() {
  return {
      {"flows are paged by what is asked", flows_are_paged_by_what_is_asked},
      {"the next directory was answered what the one before had asked",
       the_next_directory_was_answered_what_the_one_before_had_asked},
      {"schedules are paged by what is asked", schedules_are_paged_by_what_is_asked},
      {"schedules that resume are found by when", schedules_that_resume_are_found_by_when},
      {"runs are paged by what is asked", runs_are_paged_by_what_is_asked},
      {"the last run of a schedule", the_last_run_of_a_schedule},
      {"logs are paged by what is asked", logs_are_paged_by_what_is_asked},
      {"tokens are kept byte by byte", tokens_are_kept_byte_by_byte},
      {"the first request is remembered", the_first_request_is_remembered},
      {"a run that nobody sends is cancelled", a_run_that_nobody_sends_is_cancelled},
      {"writes leave their lines", writes_leave_their_lines},
      {"runs and gaps are tallied", runs_and_gaps_are_tallied},
      {"gaps are paged by what is asked", gaps_are_paged_by_what_is_asked},
  };
}

}  // namespace rruled::test
