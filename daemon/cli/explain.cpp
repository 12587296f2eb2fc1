#include "daemon/core/explain.h"

#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/time_text.h"
#include "daemon/io/explanation.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;

struct ExplainOptions {
  std::string schedule, at;
  std::size_t around = 5;
  Format format = Format::table;
};

int explain(Session& session, const ExplainOptions& options) {
  store::Store& store = session.store_to_read();
  const store::Schedule schedule = find_schedule(store, options.schedule);
  const auto zone = session.zones().find(schedule.timezone);
  if (!zone) throw Failure(kRefused, "timezone: " + zone.error().detail);
  const auto at =
      options.at.empty() ? session.now() : past_argument("--at", options.at, **zone, session.now());
  const auto found =
      io::explain_schedule(store, session.directory(), session.rules(), schedule, at,
                           std::min(options.around, core::kAroundMax), session.now());
  if (!found)
    throw Failure(kRefused, found.error().text() +
                                "; so its times are not known: `rruled schedule update` mends it,"
                                " `rruled runs list --schedule` has what it ran");
  json::array items;
  Table table({"LOCAL TIME", "UTC", "OUTCOME", "WHY"});
  for (const auto& each : found->occurrences) {
    items.push_back(core::to_json(each));
    std::string local = core::iso_local(each.occurrence.local);
    local[10] = ' ';
    table.add({local, utc_text(each.occurrence.instant), std::string(core::word(each.outcome)),
               each.text + (each.moved.empty() ? "" : "; " + each.moved)});
  }
  print_rows(session.out(), options.format, items, table, "Nothing happens around then.");
  if (options.format != Format::table) return 0;
  for (const auto& edit : found->edits)
    session.out() << "edited at " << utc_text(edit.at) << " by " << cell(edit.actor) << " ("
                  << edit.action << ")\n";
  return 0;
}

}  // namespace

void add_explain_verb(Commands& commands, CLI::App* schedule) {
  auto options = std::make_shared<ExplainOptions>();
  auto* command =
      add_command(commands, schedule,
                  {"explain",
                   "Tells what happened, or will, at each occurrence around a time, and why",
                   {"rruled schedule explain 0190f6a2",
                    "rruled schedule explain 0190f6a2 --at 2026-03-29T02:30 --around 2"}});
  command->add_option("SCHEDULE", options->schedule, "Id, or beginning of an id")->required();
  add_past_time(command, "--at", options->at, "Around this time (default: now)");
  command->add_option("--around", options->around, "How many before and after it (5)")
      ->check(not_negative());
  add_format(command, options->format, true);
  when_chosen(commands, command,
              [&commands, options] { return explain(commands.session, *options); });
}

}  // namespace rruled::cli
