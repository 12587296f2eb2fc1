#include "daemon/cli/preview.h"

#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/time_text.h"
#include "rrule/cron.h"
#include "rrule/parse.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <string_view>

namespace rruled::cli {
namespace {

namespace json = boost::json;
using std::chrono::floor;
using std::chrono::seconds;

struct PreviewOptions {
  std::string rule, cron, starts_at, timezone, after, until, dst_gap, dst_fold, from, to, schedule,
      batch;
  std::int64_t count = 10;
  bool all = false;
  bool paused = false;
  Format format = Format::table;
  // Options that not every preview has.
  struct Fits {
    bool rule = false, schedule = false, all = false;
  };
  struct Limited {
    const CLI::Option* option;
    Fits fits;
    const char* of;  // in words
  };
  std::vector<Limited> limited;
};

std::optional<store::Instant> bound(Session& session,
                                    const std::string& option,
                                    const std::string& text,
                                    const rrule::TimeZone& zone) {
  if (text.empty()) return std::nullopt;
  return floor<seconds>(time_argument(option, text, zone, session.now()));
}

core::Timetable compile(Session& session, const store::Schedule& schedule) {
  auto timetable = core::Timetable::compile(schedule, session.zones(), session.rules().calendars);
  if (timetable) return std::move(*timetable);
  const auto& error = timetable.error();
  std::string text = error.text();
  if (error.field == "rrule") text += " (at character " + std::to_string(error.error.offset) + ")";
  throw Failure(kRefused, text);
}

std::string rule_of(const PreviewOptions& options) {
  if (options.cron.empty()) {
    refuse_cron(options.rule);
    return options.rule;
  }
  const auto cron = rrule::parse_cron(options.cron);
  if (!cron) throw Failure(kRefused, "cron: " + cron.error().detail);
  return cron->recurrence;
}

void print(Session& session,
           const PreviewOptions& options,
           const core::PreviewRequest& request,
           const core::Preview& preview) {
  // A line an occurrence has no place for it.
  if (options.format == Format::jsonl && preview.cut_short) session.err() << kGaveUp << '\n';
  if (options.format != Format::table)
    return print_preview_json(session.out(), options.format, request, preview);
  session.out() << rule_in_words(request.schedule, session.zones()) << '\n'
                << request.schedule.rrule << "\n\n";
  print_preview(session.out(), request, preview, session.now());
}

int preview_rule(Session& session, const PreviewOptions& options) {
  core::PreviewRequest request;
  store::Schedule& row = request.schedule;
  if (!options.timezone.empty()) row.timezone = options.timezone;
  const auto& zone = zone_of(session, row.timezone);
  row.rrule = rule_of(options);
  row.starts_at = floor<seconds>(time_argument(
      "--starts-at", options.starts_at.empty() ? "now" : options.starts_at, zone, session.now()));
  if (!options.dst_gap.empty()) row.dst_gap = *store::parse_word<store::DstGap>(options.dst_gap);
  if (!options.dst_fold.empty())
    row.dst_fold = *store::parse_word<store::DstFold>(options.dst_fold);
  request.window = {bound(session, "--after", options.after, zone),
                    bound(session, "--until", options.until, zone),
                    static_cast<std::size_t>(options.count)};
  const auto timetable = compile(session, row);
  row.rrule = to_string(rrule::parse_recurrence(row.rrule).value());
  print(session, options, request, core::preview(timetable, request.window));
  return 0;
}

bool project_paused(Session& session, std::int64_t id) {
  const auto project = session.directory().project(id);
  return project && project->paused();
}

bool flow_fires(Session& session, const store::Schedule& row) {
  const auto flow = session.store_to_read().flow(row.flow_id);
  return flow && core::can_fire(flow->status, flow->trigger_type);
}

// A line, or "".
std::string why_nothing_fires(Session& session, const store::Schedule& row) {
  using Status = store::ScheduleStatus;
  const bool resumes = row.status == Status::paused && row.paused_until;
  if (resumes && flow_fires(session, row) && !project_paused(session, row.project_id))
    return "Fires nothing until " + core::rfc3339(*row.paused_until) +
           ": the schedule is paused until then.\n";
  if (row.status != Status::active)
    return "Fires nothing now: the schedule is " + std::string(store::word(row.status)) + ".\n";
  if (!row.next_run_at)
    return "Fires nothing now: the schedule is active, but " +
           cell(core::why_it_cannot_fire(session.store_to_read().flow(row.flow_id))) + ".\n";
  if (!project_paused(session, row.project_id)) return "";
  const auto id = std::to_string(row.project_id);
  return "Fires nothing now: project " + id + " is paused (`rruled resume --all --project " + id +
         "`).\n";
}

int preview_schedule(Session& session, const PreviewOptions& options) {
  core::PreviewRequest request;
  request.schedule = find_schedule(session.store_to_read(), options.schedule);
  const auto& row = request.schedule;
  const auto& zone = zone_of(session, row.timezone);
  request.window = {bound(session, "--after", options.after, zone),
                    bound(session, "--until", options.until, zone),
                    static_cast<std::size_t>(options.count)};
  const auto timetable = compile(session, row);
  const auto now = floor<seconds>(session.now());
  if (!request.window.after)
    request.window.after = core::fires_after(row, timetable, flow_fires(session, row))
                               .value_or(std::max(now, row.settled_to.value_or(now)));
  (options.format == Format::table ? session.out() : session.err())
      << why_nothing_fires(session, row);
  print(session, options, request, core::preview(timetable, request.window));
  return 0;
}

using Flows = std::map<store::FlowId, store::Flow>;

Flows flows_by_id(store::Store& store) {
  Flows flows;
  for (auto& each : all_flows(store)) {
    const auto id = each.id;
    flows.emplace(id, std::move(each));
  }
  return flows;
}

// What is paused, "schedule" or "project", so that those that `preview --all --paused` shows fire
// nothing now.
using Held = std::map<store::ScheduleId, std::string_view>;

// Those that are paused as they would be if they were resumed now; with what holds them.
Held resumed_all(Session& session,
                 std::vector<store::Schedule>& schedules,
                 std::map<std::int64_t, bool>& paused_projects) {
  Held held;
  for (auto& each : schedules) {
    if (paused_projects[each.project_id]) held[each.id] = "project";
    if (each.status != store::ScheduleStatus::paused) continue;
    const auto timetable =
        core::Timetable::compile(each, session.zones(), session.rules().calendars);
    if (!timetable) continue;
    held[each.id] = "schedule";
    each = core::resumed(each, *timetable, true, session.now(), core::CatchUp::none).schedule;
  }
  return held;
}

void print_merged(Session& session,
                  Format format,
                  const Flows& flows,
                  const std::vector<Upcoming>& list,
                  const Held& held) {
  Table table({"UTC", "FROM NOW", "LOCAL TIME", "FLOW", "SCHEDULE", "NOTE"});
  json::array items;
  for (const auto& [item, schedule] : list) {
    const std::string name = flows.at(schedule->flow_id).name.value_or("");
    json::object object = to_json(item);
    std::string note = note_text(item.occurrence);
    const auto why = held.find(schedule->id);
    if (why != held.end())
      note = (why->second == "project" ? "project paused" : "paused") +
             (note.empty() ? "" : "; " + note);
    table.add({utc_text(item.occurrence.instant), from_now(item.due_at, session.now()),
               std::string(object.at("local").get_string()) +
                   std::string(object.at("offset").get_string()),
               cell(name, 40), to_string(schedule->id), note});
    if (why != held.end()) {
      object["paused"] = true;
      object["held"] = why->second;
    }
    object["schedule"] = to_string(schedule->id);
    object["flow"] = to_string(schedule->flow_id);
    object["flow_name"] = name;
    items.push_back(std::move(object));
  }
  print_rows(session.out(), format, items, table,
             "Nothing comes next. `rruled schedule list` shows what there is.");
}

int preview_all(Session& session, const PreviewOptions& options) {
  const auto& zone = zone_of(session, options.timezone.empty() ? "UTC" : options.timezone);
  std::optional<store::Instant> from;
  if (!options.from.empty())
    from = floor<seconds>(past_argument("--from", options.from, zone, session.now()));
  const Flows flows = flows_by_id(session.store_to_read());
  auto schedules = all_schedules(session.store_to_read(), {});
  std::erase_if(schedules, [&](const auto& each) {
    const auto flow = flows.find(each.flow_id);
    return flow == flows.end() || !core::can_fire(flow->second.status, flow->second.trigger_type);
  });
  std::map<std::int64_t, bool> paused;
  for (const auto& each : schedules)
    if ((options.paused || each.next_run_at || each.paused_until) &&
        !paused.contains(each.project_id))
      paused[each.project_id] = project_paused(session, each.project_id);
  Held held;
  if (options.paused)
    held = resumed_all(session, schedules, paused);
  else
    std::erase_if(schedules, [&](const auto& each) { return paused[each.project_id]; });
  // With --paused those that could not be resumed; else what resumes by itself is listed.
  const auto left =
      static_cast<std::uint64_t>(std::ranges::count_if(schedules, [&](const auto& each) {
        return each.status == store::ScheduleStatus::paused &&
               (options.paused || !each.paused_until);
      }));
  const auto count = static_cast<std::size_t>(options.count);
  // One more than is shown, to know whether it is all.
  auto [list, lost] =
      merged(schedules, session.rules(), from.value_or(floor<seconds>(session.now())),
             bound(session, "--to", options.to, zone), count + 1);
  const bool more = list.size() > count;
  list.resize(std::min(count, list.size()));
  print_merged(session, options.format, flows, list, held);
  auto& words = options.format == Format::table ? session.out() : session.err();
  for (const auto& [project, is_paused] : paused)
    if (is_paused) words << "Project " << project << " is paused: nothing of it fires.\n";
  for (const auto* each : lost)
    words << "Schedule " << to_string(each->id) << ": " << kGaveUp << '\n';
  if (left > 0 && options.format == Format::table)
    words << (options.paused
                  ? count_of(left, "paused schedule") + " cannot be used: `rruled schedule list`\n"
                  : count_of(left, "schedule") + " paused: --paused shows what would come next.\n");
  if (more && options.format == Format::table) words << "More follow: --count N shows N of them.\n";
  return 0;
}

int preview_lines(Session& session, const PreviewOptions& options) {
  if (options.batch == "-") {
    preview_batch(session.in(), session.out(), session.zones());
    return 0;
  }
  std::ifstream file(options.batch, std::ios::binary);
  if (!file) throw Failure(kRefused, "cannot read " + options.batch);
  preview_batch(file, session.out(), session.zones());
  return 0;
}

// An option that what is previewed does not have is refused, and not passed over.
void refuse_of_others(const PreviewOptions& options) {
  const bool rule = !options.rule.empty() || !options.cron.empty();
  for (const auto& [option, fits, of] : options.limited) {
    const bool fit = (fits.rule && rule) || (fits.schedule && !options.schedule.empty()) ||
                     (fits.all && options.all);
    const bool chosen = rule || options.all || !options.schedule.empty() || !options.batch.empty();
    if (chosen && !fit && option->count() > 0)
      throw Failure(kUsage, option->get_name() + ": only with " + of);
  }
}

int run_preview(Session& session, const PreviewOptions& options) {
  refuse_of_others(options);
  const int chosen = (options.rule.empty() ? 0 : 1) + (options.cron.empty() ? 0 : 1) +
                     (options.all ? 1 : 0) + (options.schedule.empty() ? 0 : 1) +
                     (options.batch.empty() ? 0 : 1);
  if (chosen != 1)
    throw Failure(kUsage,
                  "give one of RULE, --cron, --schedule, --all and --batch\n"
                  "Try `rruled preview --help`.");
  if (!options.batch.empty()) return preview_lines(session, options);
  if (options.all) return preview_all(session, options);
  if (!options.schedule.empty()) return preview_schedule(session, options);
  return preview_rule(session, options);
}

}  // namespace

void add_preview(Commands& commands) {
  auto options = std::make_shared<PreviewOptions>();
  auto* command = add_command(
      commands, &commands.root,
      {"preview",
       "Shows what a rule, a schedule or all of them will do",
       {"rruled preview 'FREQ=DAILY;BYHOUR=2;BYMINUTE=30' --timezone America/New_York",
        "rruled preview 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1' --starts-at"
        " 2026-01-01T09:00",
        "rruled preview --cron '0 2 * * mon-fri' --timezone Europe/Prague --count 5",
        "rruled preview --schedule 0190f6a2 --until 2026-12-31T00:00:00Z --format json",
        "rruled preview --all --from now --to 2026-12-31 --count 1000",
        "rruled preview --all --paused     (before `resume`: what would fire)",
        "rruled preview --batch rules.jsonl     (a question a line; - reads standard input)"}});
  command->add_option("RULE", options->rule, "RRULE, or lines of RRULE, RDATE, EXDATE, EXRULE");
  command->add_option("--cron", options->cron, "A cron expression instead of a rule");
  command->add_option("--starts-at", options->starts_at, "First instant (default: now)")
      ->type_name("TIME");
  command->add_option("--timezone", options->timezone, "IANA name (default: UTC)");
  command->add_option("--after", options->after, "Only later ones (exclusive)")->type_name("TIME");
  command->add_option("--until", options->until, "None later than this (inclusive)")
      ->type_name("TIME");
  command->add_option("--count", options->count, "How many (default: 10)")
      ->check(CLI::Range(std::int64_t{0}, core::kPreviewCountMax));
  add_words<store::DstGap>(command, "--dst-gap", options->dst_gap,
                           "A wall time that does not exist (default: shift)");
  add_words<store::DstFold>(command, "--dst-fold", options->dst_fold,
                            "A wall time that comes twice (default: auto)");
  command->add_option("--schedule", options->schedule, "A stored schedule, by id");
  command->add_flag("--all", options->all, "Every stored schedule, merged in order of time");
  command->add_flag("--paused", options->paused,
                    "With --all: what is paused, too, as if it were resumed now");
  add_past_time(command, "--from", options->from, "With --all: from here on (default: now)");
  command->add_option("--to", options->to, "With --all: up to here (exclusive)")->type_name("TIME");
  command->add_option("--batch", options->batch, "Answers questions in JSON, a line each")
      ->type_name("FILE|-");
  add_format(command, options->format, true);
  constexpr const char* kRule = "RULE or --cron";
  for (const auto* name : {"--starts-at", "--dst-gap", "--dst-fold"})
    options->limited.push_back({command->get_option(name), {.rule = true}, kRule});
  for (const auto* name : {"--after", "--until"})
    options->limited.push_back({command->get_option(name),
                                {.rule = true, .schedule = true},
                                "RULE, --cron or --schedule; --all has --from and --to"});
  for (const auto* name : {"--from", "--to"})
    options->limited.push_back(
        {command->get_option(name), {.all = true}, "--all; others have --after and --until"});
  options->limited.push_back({command->get_option("--paused"), {.all = true}, "--all"});
  options->limited.push_back({command->get_option("--timezone"),
                              {.rule = true, .all = true},
                              "RULE, --cron or --all; a schedule has its own"});
  for (const auto* name : {"--count", "--format"})
    options->limited.push_back({command->get_option(name),
                                {.rule = true, .schedule = true, .all = true},
                                "RULE, --cron, --schedule or --all"});
  when_chosen(commands, command,
              [&commands, options] { return run_preview(commands.session, *options); });
}

}  // namespace rruled::cli
