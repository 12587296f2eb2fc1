#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/run_json.h"
#include "store/directory.h"

#include <map>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;

struct GapOptions {
  std::int64_t project = 0;  // 0: all
  std::string flow, schedule, reason, from, to;
  std::size_t limit = 100;
  std::size_t offset = 0;
  Format format = Format::table;
};

store::GapFilter filter_of(Session& session, const GapOptions& options) {
  store::Store& store = session.store_to_read();
  store::GapFilter filter;
  if (options.project != 0) filter.project_id = options.project;
  if (!options.flow.empty()) filter.flow_id = find_flow(store, options.flow).id;
  if (!options.schedule.empty()) {
    // One that is gone has left its gaps.
    const auto id = store::parse_id<store::ScheduleId>(options.schedule);
    filter.schedule_id = id ? *id : find_schedule(store, options.schedule).id;
  }
  filter.reason = store::parse_word<store::GapReason>(options.reason);
  filter.from = utc_argument("--from", options.from, session.now());
  filter.to = utc_argument("--to", options.to, session.now());
  return filter;
}

int list_gaps(Session& session, const GapOptions& options) {
  const auto filter = filter_of(session, options);
  store::Store& store = session.store_to_read();
  std::map<store::FlowId, std::string> names;
  const auto name_of = [&](store::FlowId id) -> const std::string& {
    const auto [at, added] = names.emplace(id, std::string());
    if (!added) return at->second;
    const auto flow = store.flow(id);
    return at->second = cell(flow ? flow->name.value_or(to_string(id)) : to_string(id), 30);
  };
  json::array items;
  Table table({"FROM (UTC)", "TO (UTC)", "COUNT", "REASON", "FLOW", "SCHEDULE"});
  for (const auto& row : session.directory().gaps(filter, {options.limit, options.offset})) {
    if (options.format == Format::table)
      table.add({utc_text(row.gap.from), utc_text(row.gap.to), std::to_string(row.gap.count),
                 std::string(store::word(row.gap.reason)), name_of(row.flow_id),
                 to_string(row.gap.schedule_id)});
    else
      items.push_back(core::to_json(row));
  }
  print_rows(session.out(), options.format, items, table,
             "No such gaps. What overlap and calendars skip: `rruled runs list --status skipped`.");
  return 0;
}

}  // namespace

void add_gaps_verb(Commands& commands, CLI::App* runs) {
  auto options = std::make_shared<GapOptions>();
  auto* command =
      add_command(commands, runs,
                  {"gaps",
                   "Lists gaps: occurrences that have no run,"
                   " and why; latest end first. A pause that goes on is there when it ends",
                   {"rruled runs gaps --reason missed --from 2026-01-01T00:00:00Z",
                    "rruled runs gaps --schedule 0190f6a2 --format json"}});
  command->add_option("--project", options->project, "Only of this project")->check(positive());
  command->add_option("--flow", options->flow, "Only of this flow");
  command->add_option("--schedule", options->schedule, "Only of this schedule");
  add_words<store::GapReason>(command, "--reason", options->reason, "Only these");
  add_past_time(command, "--from", options->from, "That end at this time or later");
  add_past_time(command, "--to", options->to, "That begin before this time");
  command->add_option("--limit", options->limit, "How many (default: 100)")->check(not_negative());
  command->add_option("--offset", options->offset, "How many to pass over")->check(not_negative());
  add_format(command, options->format, true);
  when_chosen(commands, command,
              [&commands, options] { return list_gaps(commands.session, *options); });
}

}  // namespace rruled::cli
