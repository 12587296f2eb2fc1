#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/json_text.h"
#include "daemon/core/time_text.h"
#include "store/directory.h"

#include <algorithm>
#include <memory>
#include <ostream>

namespace rruled::cli {
namespace {

namespace json = boost::json;

struct AuditOptions {
  std::int64_t project = 0;  // 0: all
  std::string object, from, to;
  std::size_t limit = 100;
  std::size_t offset = 0;
  Format format = Format::table;
};

json::value parsed(const std::string& text) {
  return text.empty() ? json::value() : core::stored_json(text, json::value(text));
}

json::object to_json(const store::AuditEntry& entry) {
  return {{"at", core::iso_microseconds(entry.at)},
          {"project_id", entry.project_id ? json::value(*entry.project_id) : json::value()},
          {"actor", entry.actor},
          {"action", entry.action},
          {"kind", entry.kind},
          {"object_id", entry.object_id},
          {"before", parsed(entry.before)},
          {"after", parsed(entry.after)}};
}

// Calendars and projects are there by what they are called; of the others one that still is may
// begin so, and is named.
std::string object_of(Session& session, const AuditOptions& options) {
  const std::string& text = options.object;
  store::Store& store = session.store_to_read();
  auto& directory = session.directory();
  if (text.empty() || !directory.audit({.object_id = text}, {1, 0}).rows.empty() ||
      directory.calendar({std::max<std::int64_t>(1, options.project), text}))
    return text;
  std::string found = find_object(store, directory, text);
  if (found.size() > text.size()) session.err() << "of " << found << '\n';
  return found;
}

int list(Session& session, const AuditOptions& options) {
  store::AuditFilter filter;
  if (options.project != 0) filter.project_id = options.project;
  filter.object_id = object_of(session, options);
  filter.from = utc_argument("--from", options.from, session.now());
  filter.to = utc_argument("--to", options.to, session.now());
  json::array items;
  Table table({"TIME (UTC)", "WHO", "DID", "TO", "ID", "PROJECT"});
  for (const auto& each : session.directory().audit(filter, {options.limit, options.offset}).rows) {
    if (options.format != Format::table) items.push_back(to_json(each));
    table.add({utc_text(each.at), cell(each.actor, 60), each.action, each.kind, each.object_id,
               each.project_id ? std::to_string(*each.project_id) : "-"});
  }
  print_rows(session.out(), options.format, items, table,
             "Nobody wrote anything that this asks for.");
  return 0;
}

}  // namespace

void add_audit(Commands& commands) {
  auto options = std::make_shared<AuditOptions>();
  auto* command = add_command(
      commands, &commands.root,
      {"audit",
       "Lists who wrote what, by the API or this command line, newest first",
       {"rruled audit --limit 20", "rruled audit --object 0190f6a2",
        "rruled audit --object 0190f6a2-5f6e-7c3a-9b1d-2f0c1a7e4d55 --format json   (with what was"
        " there before and after)"}});
  command->add_option("--project", options->project, "Only of this project")->check(positive());
  command
      ->add_option("--object", options->object,
                   "Only of this flow, schedule, run or token: id, or beginning of an id")
      ->type_name("ID");
  add_past_time(command, "--from", options->from, "At this time or later");
  add_past_time(command, "--to", options->to, "Before this time");
  command->add_option("--limit", options->limit, "How many (default: 100)")->check(not_negative());
  command->add_option("--offset", options->offset, "How many to pass over")->check(not_negative());
  add_format(command, options->format, true);
  when_chosen(commands, command, [&commands, options] { return list(commands.session, *options); });
}

}  // namespace rruled::cli
