#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/cli/preview.h"
#include "daemon/core/duration.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/run_json.h"
#include "daemon/core/schedule_json.h"

#include <iostream>
#include <map>
#include <memory>

// Schedules as they are stored.
namespace rruled::cli {
namespace {

namespace json = boost::json;

struct ScheduleReadOptions {
  std::string flow, schedule, status;
  std::int64_t project = 0;  // 0: all
  bool overdue = false;
  std::size_t limit = 100;
  std::size_t offset = 0;
  Format format = Format::table;
};

// Of the flows of a list, each asked for once.
class FlowNames {
 public:
  explicit FlowNames(store::Store& store) : store_(store) {}

  const std::string& of(store::FlowId id) {
    const auto [name, added] = names_.try_emplace(id);
    if (!added) return name->second;
    if (const auto flow = store_.flow(id)) name->second = flow->name.value_or("");
    return name->second;
  }

 private:
  store::Store& store_;
  std::map<store::FlowId, std::string> names_;
};

std::string flow_cell(const std::string& name) { return name.empty() ? "-" : cell(name, 32); }

int list_overdue(Session& session,
                 const ScheduleReadOptions& options,
                 const store::ScheduleQuery& query,
                 std::map<std::int64_t, bool>& paused) {
  constexpr std::size_t kDuePage = 1'000;
  json::array items;
  Table table({"ID", "FLOW", "LATE BY", "DUE (UTC)", "RULE", "TIMEZONE"});
  std::optional<store::DueCursor> after;
  for (bool more = true; more;) {
    const auto rows = session.store_to_read().load_due(after, session.now(), kDuePage);
    for (const auto& [row, name, status, version, trigger, variables, days, project] : rows) {
      const auto late = core::overdue_by(row, session.now());
      if (!late || paused[row.project_id] || items.size() >= options.limit) continue;
      if (query.flow_id && row.flow_id != *query.flow_id) continue;
      if (query.project_id && row.project_id != *query.project_id) continue;
      json::object object = core::to_json(row);
      object["flow"] = to_string(row.flow_id);
      object["flow_name"] = name.value_or("");
      object["late_by_ms"] = late->count();
      items.push_back(std::move(object));
      table.add({to_string(row.id), flow_cell(name.value_or("")), core::duration_text(*late),
                 utc_text(*row.next_due_at), cell(row.rrule, 48), row.timezone});
    }
    more = rows.size() == kDuePage && items.size() < options.limit;
    if (more) after = store::DueCursor{*rows.back().schedule.next_due_at, rows.back().schedule.id};
  }
  print_rows(session.out(), options.format, items, table, "Nothing is overdue.");
  return 0;
}

int list(Session& session, const ScheduleReadOptions& options) {
  store::Store& store = session.store_to_read();
  store::ScheduleQuery query{.limit = options.limit, .offset = options.offset};
  if (!options.flow.empty()) query.flow_id = find_flow(store, options.flow).id;
  if (options.project > 0) query.project_id = options.project;
  query.status = store::parse_word<store::ScheduleStatus>(options.status);
  std::map<std::int64_t, bool> paused;
  for (const auto& each : session.directory().paused_projects()) paused[each.id] = true;
  if (options.overdue) return list_overdue(session, options, query, paused);
  json::array items;
  Table table({"ID", "FLOW", "STATUS", "NEXT (UTC)", "FROM NOW", "RULE", "TIMEZONE", "NOTE"});
  FlowNames names(store);
  for (const auto& row : store.schedules(query)) {
    const std::string& flow = names.of(row.flow_id);
    json::object object = core::to_json(row);
    object["flow"] = to_string(row.flow_id);
    object["flow_name"] = flow;
    items.push_back(std::move(object));
    const std::optional<store::Timestamp> next = row.next_run_at;
    const bool held = row.status == store::ScheduleStatus::active && paused[row.project_id];
    table.add({to_string(row.id), flow_cell(flow),
               held ? "project paused" : std::string(store::word(row.status)),
               held ? "-" : utc_text(next), next && !held ? from_now(*next, session.now()) : "-",
               cell(row.rrule, 48), row.timezone,
               cell(row.status_reason.empty() ? row.note : row.status_reason, 60)});
  }
  print_rows(session.out(), options.format, items, table,
             "No schedules. `rruled schedule create --help` tells how to make one.");
  return 0;
}

std::string project_paused_text(const store::Project& project) {
  const auto id = std::to_string(project.id);
  return "Nothing fires: project " + id + " is paused" +
         (project.note.empty() ? std::string() : " (" + cell(project.note) + ")") +
         "; `rruled resume --all --project " + id + "` ends that.";
}

int show(Session& session, const ScheduleReadOptions& options) {
  store::Store& store = session.store_to_read();
  const store::Schedule row = find_schedule(store, options.schedule);
  json::object object = core::to_json(row);
  object["flow"] = to_string(row.flow_id);
  json::array gaps;
  for (const auto& gap : store.gaps(row.id)) gaps.push_back(core::to_json(gap));
  object["gaps"] = gaps;
  const auto project = session.directory().project(row.project_id);
  const bool held = project && project->paused();
  object["project_paused"] = held;
  if (options.format == Format::json) {
    print_object(session.out(), object);
    return 0;
  }
  if (const auto words = rule_in_words(row, session.zones()); !words.empty())
    session.out() << clean_lines(words) << "\n\n";
  if (held) session.out() << project_paused_text(*project) << "\n\n";
  print_fields(session.out(), object);
  return 0;
}

}  // namespace

void add_schedule_reads(Commands& commands, CLI::App* group) {
  auto options = std::make_shared<ScheduleReadOptions>();
  auto* command =
      add_command(commands, group,
                  {"list",
                   "Lists schedules, newest first",
                   {"rruled schedule list", "rruled schedule list --flow Hello --format jsonl"}});
  command->add_option("--flow", options->flow, "Only of this flow");
  command->add_option("--project", options->project, "Only of this project")->check(positive());
  add_words<store::ScheduleStatus>(command, "--status", options->status, "Only these");
  command->add_flag("--overdue", options->overdue, "Only those that are late beyond late_after");
  command->add_option("--limit", options->limit, "How many (default: 100)")->check(not_negative());
  command->add_option("--offset", options->offset, "How many to pass over")->check(not_negative());
  add_format(command, options->format, true);
  when_chosen(commands, command, [&commands, options] { return list(commands.session, *options); });

  auto shown = std::make_shared<ScheduleReadOptions>();
  command = add_command(commands, group,
                        {"show",
                         "Shows one schedule, in words and field by field",
                         {"rruled schedule show 0190f6a2 --format json"}});
  command->add_option("SCHEDULE", shown->schedule, "Id, or beginning of an id")->required();
  add_format(command, shown->format, false);
  when_chosen(commands, command, [&commands, shown] { return show(commands.session, *shown); });
}

}  // namespace rruled::cli
