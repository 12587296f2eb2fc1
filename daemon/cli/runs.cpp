#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/cli/run_watch.h"
#include "daemon/core/run_json.h"
#include "store/run_rules.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <iostream>
#include <limits>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using store::RunStatus;

constexpr milliseconds kPollEvery{250};
constexpr std::size_t kShownLines = 500;  // the latest ones of a log
constexpr std::size_t kAllLines = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kWatched = 500;  // the latest runs, by due time

struct RunsOptions {
  std::string run, flow, schedule, status, from, to;
  std::int64_t project = 0;  // 0: all
  std::size_t limit = 100;
  std::size_t offset = 0;
  Format format = Format::table;
};

// Between two looks at the store.
void wait_between_looks() {
  boost::asio::io_context io;
  boost::asio::steady_timer(io, kPollEvery).wait();
}

std::string lateness_text(const store::Run& run) {
  if (!run.started_at) return "-";
  return "+" + std::to_string((*run.started_at - run.due_at).count()) + " ms";
}

std::string outcome_text(const store::Run& run) {
  return run.error.empty() ? run.reason : run.error;
}

store::RunQuery query_of(Session& session, const RunsOptions& options) {
  store::Store& store = session.store_to_read();
  store::RunQuery query{.limit = options.limit, .offset = options.offset};
  if (!options.flow.empty()) query.flow_id = find_flow(store, options.flow).id;
  if (!options.schedule.empty()) query.schedule_id = find_schedule(store, options.schedule).id;
  query.status = store::parse_word<RunStatus>(options.status);
  query.due_from = utc_argument("--from", options.from, session.now());
  query.due_to = utc_argument("--to", options.to, session.now());
  return query;
}

std::vector<store::Run> runs_of(Session& session,
                                const store::RunQuery& query,
                                std::int64_t project) {
  if (project == 0) return session.store_to_read().runs(query);
  store::RunFilter filter{.project_id = project,
                          .flow_id = query.flow_id,
                          .schedule_id = query.schedule_id,
                          .due_from = query.due_from,
                          .due_to = query.due_to};
  if (query.status) filter.statuses = {*query.status};
  return session.directory().runs(filter, {query.limit, query.offset}, false).rows;
}

int list(Session& session, const RunsOptions& options) {
  const auto query = query_of(session, options);
  json::array items;
  Table table({"ID", "STATUS", "DUE (UTC)", "LATENESS", "ORIGIN", "FLOW", "ATTEMPTS", "OUTCOME"});
  for (const auto& run : runs_of(session, query, options.project)) {
    if (options.format != Format::table) items.push_back(core::to_json(run));
    table.add({to_string(run.id), std::string(store::word(run.status)), utc_text(run.due_at),
               lateness_text(run), std::string(store::word(run.origin)), cell(run.flow_name, 30),
               std::to_string(run.attempts), cell(outcome_text(run), 60)});
  }
  print_rows(session.out(), options.format, items, table,
             options.limit > 0 && options.offset == 0
                 ? "No runs. `rruled preview --all` shows what comes next."
                 : "No runs from this --offset on, or none asked for by --limit.");
  return 0;
}

void print_line(Session& session, const char* before, const store::LogEntry& line) {
  const auto object = core::to_json(line);
  session.out() << before << object.at("timestamp").get_string().c_str() << ' '
                << object.at("level").get_string().c_str() << ' ' << cell(line.message) << '\n';
}

int show(Session& session, const RunsOptions& options) {
  store::Store& store = session.store_to_read();
  const store::Run run = find_run(store, options.run);
  json::object object = core::to_json(run);
  json::array attempts;
  for (const auto& each : store.attempts(run.id)) attempts.push_back(core::to_json(each));
  auto lines = store.logs({.run_id = run.id, .limit = kShownLines + 1});
  const bool more = lines.size() > kShownLines;
  lines.resize(std::min(lines.size(), kShownLines));
  if (options.format == Format::json) {
    object["attempt_list"] = std::move(attempts);
    json::array logs;
    for (const auto& each : lines) logs.push_back(core::to_json(each));
    object["logs"] = std::move(logs);
    print_object(session.out(), object);
    return 0;
  }
  print_fields(session.out(), object);
  if (!attempts.empty()) session.out() << "\nAttempts:\n";
  for (const auto& each : attempts) session.out() << "  " << cell(core::json_text(each)) << '\n';
  if (lines.empty()) return 0;
  session.out() << "\nLog:\n";
  if (more)
    session.out() << "  older lines are not shown: `rruled runs logs " << to_string(run.id)
                  << "` has all\n";
  std::ranges::reverse(lines);
  for (const auto& each : lines) print_line(session, "  ", each);
  return 0;
}

int logs(Session& session, const RunsOptions& options) {
  store::Store& store = session.store_to_read();
  const store::Run run = find_run(store, options.run);
  auto lines = store.logs({.run_id = run.id, .limit = kAllLines});
  std::ranges::reverse(lines);
  if (options.format != Format::table) {
    json::array items;
    for (const auto& each : lines) items.push_back(core::to_json(each));
    print_list(session.out(), options.format, items);
    return 0;
  }
  for (const auto& each : lines) print_line(session, "", each);
  if (lines.empty()) session.out() << "No log lines.\n";
  return 0;
}

void print_event(Session& session, Format format, const store::Run& run) {
  if (format == Format::table) {
    session.out() << utc_text(session.now()) << "  " << store::word(run.status) << "  "
                  << (run.flow_name.empty() ? to_string(run.flow_id) : cell(run.flow_name, 40))
                  << "  due " << utc_text(run.due_at) << "  " << lateness_text(run) << "  attempt "
                  << run.attempts << "  " << to_string(run.id);
    if (!outcome_text(run).empty()) session.out() << "  " << cell(outcome_text(run), 100);
    session.out() << '\n';
  } else {
    session.out() << core::json_text(core::to_json(run)) << '\n';
  }
  session.out().flush();
}

// One run until it ends: 0 when it completed.
int watch_one(Session& session, const RunsOptions& options) {
  store::Store& store = session.store_to_read();
  store::Run run = find_run(store, options.run);
  std::optional<std::pair<RunStatus, int>> shown;
  while (true) {
    if (shown != std::pair(run.status, run.attempts)) print_event(session, options.format, run);
    shown = std::pair(run.status, run.attempts);
    if (is_final(run.status)) return run.status == RunStatus::completed ? 0 : kRefused;
    wait_between_looks();
    auto again = store.run(run.id);
    if (!again) throw Failure(kRefused, "run " + to_string(run.id) + " is gone");
    run = std::move(*again);
  }
}

// Whatever happens from now on, until the process is told to stop.
int watch_all(Session& session, const RunsOptions& options) {
  auto query = query_of(session, options);
  query.limit = kWatched;
  store::Store& store = session.store_to_read();
  for (RunWatch watch;; wait_between_looks()) {
    const auto events = watch.look(store.runs(query), query.limit);
    for (const auto& run : events.runs) print_event(session, options.format, run);
    if (events.more)
      session.err() << "rruled: " << query.limit
                    << " runs or more came since the last look; some may not be shown\n";
    if (!session.out()) return 0;
  }
}

int watch(Session& session, const RunsOptions& options) {
  return options.run.empty() ? watch_all(session, options) : watch_one(session, options);
}

void add_filters(CLI::App* command, RunsOptions& options) {
  command->add_option("--flow", options.flow, "Only of this flow");
  command->add_option("--schedule", options.schedule, "Only of this schedule");
  add_words<RunStatus>(command, "--status", options.status, "Only these");
}

void add_logs_verb(Commands& commands, CLI::App* group) {
  auto options = std::make_shared<RunsOptions>();
  auto* command =
      add_command(commands, group,
                  {"logs",
                   "Prints all of a run's log, oldest line first",
                   {"rruled runs logs 0190f6a2", "rruled runs logs 0190f6a2 --format jsonl"}});
  command->add_option("RUN", options->run, "Id, or beginning of an id")->required();
  add_format(command, options->format, true);
  when_chosen(commands, command, [&commands, options] { return logs(commands.session, *options); });
}

}  // namespace

void add_runs(Commands& commands) {
  auto* group = add_group(commands, "runs", "Runs: the ledger of what fired and what became of it");
  auto options = std::make_shared<RunsOptions>();
  auto* command = add_command(
      commands, group,
      {"list",
       "Lists runs, latest due first",
       {"rruled runs list --status failed", "rruled runs list --flow Hello --limit 5 --format json",
        "rruled runs list --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --format jsonl"}});
  add_filters(command, *options);
  command->add_option("--project", options->project, "Only of this project")->check(positive());
  add_past_time(command, "--from", options->from, "Due at this time or later");
  add_past_time(command, "--to", options->to, "Due before this time");
  command->add_option("--limit", options->limit, "How many (default: 100)")->check(not_negative());
  command->add_option("--offset", options->offset, "How many to pass over")->check(not_negative());
  add_format(command, options->format, true);
  when_chosen(commands, command, [&commands, options] { return list(commands.session, *options); });

  options = std::make_shared<RunsOptions>();
  command = add_command(commands, group,
                        {"show",
                         "Shows one run with its attempts and the last 500 lines of its log",
                         {"rruled runs show 0190f6a2 --format json"}});
  command->add_option("RUN", options->run, "Id, or beginning of an id")->required();
  add_format(command, options->format, false);
  when_chosen(commands, command, [&commands, options] { return show(commands.session, *options); });

  add_logs_verb(commands, group);

  options = std::make_shared<RunsOptions>();
  command = add_command(
      commands, group,
      {"watch",
       "Prints a line whenever one of the 500 runs due last begins,"
       " is tried or ends; one run: until it ends",
       {"rruled runs watch --flow Hello", "rruled runs watch 0190f6a2     (exit code 0: completed)",
        "rruled runs watch --format jsonl"}});
  command->add_option("RUN", options->run, "Only this run, until it ends");
  add_filters(command, *options);
  add_format(command, options->format, true);
  when_chosen(commands, command,
              [&commands, options] { return watch(commands.session, *options); });
  add_gaps_verb(commands, group);
  add_retry_verb(commands, group);
  add_end_verbs(commands, group);
}

}  // namespace rruled::cli
