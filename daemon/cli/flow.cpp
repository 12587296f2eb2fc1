#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/flow_json.h"
#include "daemon/io/flow_removal.h"

#include <iostream>
#include <memory>
#include <utility>

namespace rruled::cli {
namespace {

namespace json = boost::json;

struct Fields {
  std::optional<std::string> description;  // empty: none
  std::string name, status, trigger, variables, file;
};

struct FlowOptions {
  std::string flow;
  Fields fields;
  std::int64_t project = 1;
  std::size_t limit = 100;
  std::size_t offset = 0;
  Format format = Format::table;
};

void add_fields(CLI::App* command, Fields& fields) {
  command->add_option("--name", fields.name, "What people call it");
  command->add_option("--description", fields.description, "More about it");
  add_words<store::FlowStatus>(command, "--status", fields.status, "Only active flows fire");
  command
      ->add_option("--trigger", fields.trigger,
                   "What its schedules fire: one invocation (schedule), or a batch job (batch)")
      ->check(CLI::IsMember({"schedule", "batch"}));
  command
      ->add_option("--variables", fields.variables,
                   R"(JSON list of {"key","type","default"}, given to every run)")
      ->type_name("JSON");
  command->add_option("--file", fields.file, "A JSON object with any fields of a flow; - is stdin")
      ->type_name("FILE|-");
}

json::value json_argument(const std::string& option, const std::string& text) {
  auto value = core::parse_json(text);
  if (!value) throw Failure(kUsage, option + ": not JSON: " + value.error().detail);
  return std::move(*value);
}

// The object that the options describe: a file's, overlaid by single fields.
json::object object_of(Session& session, const Fields& fields) {
  json::object object;
  if (!fields.file.empty()) {
    json::value value = session.read_json(fields.file);
    if (!value.is_object()) throw Failure(kRefused, "the file must hold one JSON object");
    object = std::move(value.get_object());
    if (const auto unknown = core::unknown_flow_keys(object); !unknown.empty())
      throw Failure(core::FieldError{unknown.front(), "invalid_input", "Unknown field."});
  }
  if (!fields.name.empty()) object["name"] = fields.name;
  if (fields.description) object["description"] = *fields.description;
  if (!fields.status.empty()) object["status"] = fields.status;
  if (fields.trigger == "schedule") object["trigger"] = {{"type", "schedule"}};
  if (fields.trigger == "batch")
    object["trigger"] = {{"type", "batch"}, {"filters", {{"properties", json::array()}}}};
  if (!fields.variables.empty())
    object["variables"] = json_argument("--variables", fields.variables);
  return object;
}

int create(Session& session, const FlowOptions& options) {
  json::object object = object_of(session, options.fields);
  // Who makes a flow by hand means it to run; the API's default stays draft.
  if (!object.contains("status")) object["status"] = "active";
  if (object["status"] == "active" && !object.contains("trigger") && !object.contains("actions"))
    throw Failure(kUsage,
                  "--trigger: an active flow needs one: schedule (each occurrence is one run) or"
                  " batch (a job over persons); or make it with --status draft");
  store::Flow base;
  base.id = store::FlowId{store::random_uuid_v7(session.now())};
  base.project_id = options.project;
  base.created_at = session.now();
  const auto flow = core::flow_from_json(object, base, core::JsonUse::create, session.now());
  if (!flow) throw Failure(flow.error());
  write_changes(session.store_to_write(), session.clock(), [&](store::Store&) {
    store::ChangeSet changes;
    changes.flows.push_back({*flow, std::nullopt});
    return changes;
  });
  if (options.format == Format::json)
    print_object(session.out(), core::to_json(*flow));
  else
    session.out() << to_string(flow->id) << '\n';
  return 0;
}

int update(Session& session, const FlowOptions& options) {
  const json::object object = object_of(session, options.fields);
  store::Flow written;
  write_changes(session.store_to_write(), session.clock(), [&](store::Store& store) {
    const store::Flow before = find_flow(store, options.flow);
    auto flow = core::flow_from_json(object, before, core::JsonUse::patch, session.now());
    if (!flow) throw Failure(flow.error());
    store::ChangeSet changes;
    written = *flow;
    if (core::same_settings(before, *flow)) return changes;
    changes.flows.push_back({*flow, before.revision});
    const auto schedules = all_schedules(store, {.flow_id = before.id});
    const auto project = session.directory().project(before.project_id);
    for (auto& change :
         core::flow_changes(before, *flow, schedules, session.zones(), session.rules().calendars,
                            session.now(), project && project->paused()))
      for (const auto& row : schedules)
        if (row.id == change.schedule.id) {
          core::put(changes, std::move(change), &row);
          break;
        }
    return changes;
  });
  if (options.format == Format::json)
    print_object(session.out(), core::to_json(written));
  else
    session.out() << "updated flow " << to_string(written.id) << '\n';
  return 0;
}

int remove(Session& session, const FlowOptions& options) {
  store::Store& store = session.store_to_write();
  store::FlowId id;
  io::FlowRemoval removal;
  write_by([&] {
    auto flow = find_flow(store, options.flow);
    id = flow.id;
    removal = io::plan_removal(store, {std::move(flow)});
    return io::begin_removal(store, removal, audit_actor(), session.now());
  });
  if (!io::finish_removal(store, removal, session.now()).kept.empty())
    throw Failure(kRefused,
                  "flow " + to_string(id) +
                      " was taken up again by somebody else while it was being deleted:"
                      " it stays, without some or all of its history; if it must go all the same,"
                      " delete it again");
  session.out() << "deleted flow " << to_string(id) << " with its schedules, runs and logs\n";
  return 0;
}

int list(Session& session, const FlowOptions& options, bool of_project) {
  store::FlowQuery query{.limit = options.limit, .offset = options.offset};
  if (of_project) query.project_id = options.project;
  query.status = store::parse_word<store::FlowStatus>(options.fields.status);
  const auto flows = session.store_to_read().flows(query);
  json::array items;
  Table table({"ID", "NAME", "STATUS", "TRIGGER", "PROJECT", "UPDATED"});
  for (const auto& flow : flows) {
    json::object object = core::to_json(flow);
    object["project_id"] = flow.project_id;
    items.push_back(std::move(object));
    table.add({to_string(flow.id), cell(flow.name.value_or("-"), 40),
               std::string(store::word(flow.status)),
               flow.trigger_type.empty() ? "-" : cell(flow.trigger_type, 24),
               std::to_string(flow.project_id), utc_text(flow.updated_at)});
  }
  print_rows(session.out(), options.format, items, table,
             "No flows. `rruled flow create --help` tells how to make one.");
  return 0;
}

int show(Session& session, const FlowOptions& options) {
  store::Store& store = session.store_to_read();
  const store::Flow flow = find_flow(store, options.flow);
  json::object object = core::to_json(flow);
  object["project_id"] = flow.project_id;
  if (options.format == Format::json) {
    print_object(session.out(), object);
    return 0;
  }
  print_fields(session.out(), object);
  const auto schedules = all_schedules(store, {.flow_id = flow.id});
  session.out() << '\n'
                << count_of(schedules.size(), "schedule") << ": `rruled schedule list --flow "
                << to_string(flow.id) << "`\n";
  return 0;
}

void add_changes(Commands& commands, CLI::App* group) {
  auto options = std::make_shared<FlowOptions>();
  auto* command = add_command(
      commands, group,
      {"create",
       "Makes a flow; prints its id",
       {"rruled flow create --name Hello --trigger schedule",
        R"(rruled flow create --name Report --trigger batch --variables '[{"key":"lang"}]')",
        "rruled flow create --file flow.json --status draft"}});
  add_fields(command, options->fields);
  command->add_option("--project", options->project, "Its project (default: 1)")->check(positive());
  add_format(command, options->format, false);
  when_chosen(commands, command,
              [&commands, options] { return create(commands.session, *options); });

  options = std::make_shared<FlowOptions>();
  command = add_command(commands, group,
                        {"update",
                         "Changes fields of a flow",
                         {"rruled flow update Hello --status archived",
                          "rruled flow update 0190f6a2 --file changes.json"}});
  command->add_option("FLOW", options->flow, "Id, beginning of an id, or name")->required();
  add_fields(command, options->fields);
  add_format(command, options->format, false);
  when_chosen(commands, command,
              [&commands, options] { return update(commands.session, *options); });

  options = std::make_shared<FlowOptions>();
  command = add_command(
      commands, group,
      {"delete", "Deletes a flow with its schedules, runs and logs", {"rruled flow delete Hello"}});
  command->add_option("FLOW", options->flow, "Id, beginning of an id, or name")->required();
  when_chosen(commands, command,
              [&commands, options] { return remove(commands.session, *options); });
}

}  // namespace

void add_flow(Commands& commands) {
  auto* group = add_group(commands, "flow", "Flows: what is run");
  add_changes(commands, group);

  auto options = std::make_shared<FlowOptions>();
  auto* command =
      add_command(commands, group,
                  {"list",
                   "Lists flows, latest updated first",
                   {"rruled flow list", "rruled flow list --status active --format jsonl"}});
  add_words<store::FlowStatus>(command, "--status", options->fields.status, "Only these");
  auto* project =
      command->add_option("--project", options->project, "Only of this project")->check(positive());
  command->add_option("--limit", options->limit, "How many (default: 100)")->check(not_negative());
  command->add_option("--offset", options->offset, "How many to pass over")->check(not_negative());
  add_format(command, options->format, true);
  when_chosen(commands, command, [&commands, options, project] {
    return list(commands.session, *options, project->count() > 0);
  });

  options = std::make_shared<FlowOptions>();
  command = add_command(commands, group,
                        {"show", "Shows one flow", {"rruled flow show Hello --format json"}});
  command->add_option("FLOW", options->flow, "Id, beginning of an id, or name")->required();
  add_format(command, options->format, false);
  when_chosen(commands, command, [&commands, options] { return show(commands.session, *options); });
}

}  // namespace rruled::cli
