#include "daemon/cli/arguments.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/flow_change.h"
#include "daemon/core/run_identity.h"

#include <functional>
#include <memory>

// What a person does to settled_to, for the morning after: of one schedule or of all.
namespace rruled::cli {
namespace {

constexpr std::chrono::hours kAheadMax{24};
constexpr std::size_t kBatch = 500;

struct SkipOptions {
  std::string schedule;
  std::string until;
  bool all = false;
  bool dry_run = false;
  std::int64_t project = 0;  // 0: all
};

using Rewrite = std::function<std::optional<core::Change>(store::Store& store,
                                                          const store::Schedule& row,
                                                          const core::Timetable& timetable,
                                                          bool flow_fires)>;

store::Store& store_for(Session& session, const SkipOptions& options) {
  return options.dry_run ? session.store_to_read() : session.store_to_write();
}

std::vector<store::ScheduleId> chosen(store::Store& store, const SkipOptions& options) {
  if (options.all == !options.schedule.empty())
    throw Failure(kUsage, "say which: a schedule's id, or --all");
  if (!options.all) return {find_schedule(store, options.schedule).id};
  store::ScheduleQuery query;
  if (options.project != 0) query.project_id = options.project;
  std::vector<store::ScheduleId> ids;
  for (const auto& row : all_schedules(store, query)) ids.push_back(row.id);
  return ids;
}

// Adds what becomes of one schedule to `changes`, and says it. What cannot be used is passed over.
bool add(Session& session,
         store::Store& store,
         store::ScheduleId id,
         const Rewrite& rewrite,
         store::ChangeSet& changes) {
  const auto row = store.schedule(id);
  const auto flow = row ? store.flow(row->flow_id) : std::nullopt;
  if (!flow) return false;
  const auto timetable = core::Timetable::compile(*row, session.zones(), session.rules().calendars);
  if (!timetable) return false;
  auto change = rewrite(store, *row, *timetable, core::can_fire(flow->status, flow->trigger_type));
  if (!change) return false;
  core::put(changes, std::move(*change), &*row);
  return true;
}

std::string line_of(const store::ChangeSet& changes, const store::Schedule& row) {
  std::uint64_t count = 0;
  for (const auto& gap : changes.gaps)
    if (gap.schedule_id == row.id && gap.reason == store::GapReason::skipped_by_operator)
      count += gap.count;
  const bool paused = row.status == store::ScheduleStatus::paused;
  return to_string(row.id) + (count > 0 ? "  " + std::to_string(count) + " skipped" : "") +
         (paused ? ", paused"
                 : ", next " + (row.next_run_at ? core::rfc3339(*row.next_run_at) : "none")) +
         "\n";
}

int change_each(Session& session, const SkipOptions& options, const Rewrite& rewrite) {
  store::Store& whole = store_for(session, options);
  const auto ids = chosen(whole, options);
  std::size_t changed = 0;
  for (std::size_t begin = 0; begin < ids.size(); begin += kBatch) {
    const auto end = std::min(ids.size(), begin + kBatch);
    store::ChangeSet last;
    const auto build = [&](store::Store& store) {
      last = {};
      for (std::size_t i = begin; i < end; ++i) (void)add(session, store, ids[i], rewrite, last);
      return last;
    };
    try {
      if (options.dry_run)
        (void)build(whole);
      else
        write_changes(whole, session.clock(), build);
    } catch (...) {
      if (changed > 0 && !options.dry_run)
        session.err() << changed << " schedules, those printed, were changed before this:\n";
      throw;
    }
    for (const auto& put : last.schedules) session.out() << line_of(last, put.schedule);
    changed += last.schedules.size();
  }
  session.out() << changed << (changed == 1 ? " schedule" : " schedules")
                << (options.dry_run ? " would change\n" : " changed\n");
  return 0;
}

// A line, or "": of one that is asked for by its id, and fires nothing more as it is.
std::string why_nothing_to_skip(Session& session, const SkipOptions& options) {
  if (options.all || options.schedule.empty()) return "";
  const auto row = find_schedule(store_for(session, options), options.schedule);
  const std::string id = to_string(row.id);
  if (row.status == store::ScheduleStatus::completed)
    return id + " is completed: nothing is left to skip.\n";
  if (row.status == store::ScheduleStatus::error)
    return id + " is in error and not changed: " + cell(row.status_reason) + "\n";
  return "";
}

int skip(Session& session, const SkipOptions& options) {
  const auto until = time_argument("--until", options.until.empty() ? "now" : options.until,
                                   *rrule::TimeZone::utc(), session.now());
  if (until > session.now() + kAheadMax)
    throw Failure(kUsage,
                  "--until: at most a day ahead; `schedule pause --until` and calendars are for"
                  " longer");
  const auto exclusive = std::chrono::ceil<std::chrono::seconds>(until);
  session.out() << why_nothing_to_skip(session, options);
  return change_each(
      session, options,
      [&](store::Store&, const store::Schedule& row, const core::Timetable& timetable,
          bool flow_fires) -> std::optional<core::Change> {
        auto change = core::skipped(row, timetable, exclusive, flow_fires, session.now());
        return change.gap ? std::optional(std::move(change)) : std::nullopt;
      });
}

int recompute(Session& session, const SkipOptions& options) {
  return change_each(session, options,
                     [&](store::Store& store, const store::Schedule& row,
                         const core::Timetable& timetable, bool flow_fires) {
                       return core::recomputed(row, store.gaps(row.id), timetable, flow_fires,
                                               session.now());
                     });
}

std::shared_ptr<SkipOptions> add_one(Commands& commands,
                                     CLI::App* group,
                                     CommandText text,
                                     int (*run)(Session&, const SkipOptions&),
                                     CLI::App*& command) {
  auto options = std::make_shared<SkipOptions>();
  command = add_command(commands, group, std::move(text));
  command->add_option("SCHEDULE", options->schedule, "Id, or beginning of an id");
  command->add_flag("--all", options->all, "Every schedule");
  command->add_option("--project", options->project, "With --all: of this project alone")
      ->check(positive());
  command->add_flag("--dry-run", options->dry_run, "Only tells what would change");
  when_chosen(commands, command,
              [&commands, options, run] { return run(commands.session, *options); });
  return options;
}

}  // namespace

void add_skip_verbs(Commands& commands, CLI::App* schedules) {
  CLI::App* command = nullptr;
  const auto options =
      add_one(commands, schedules,
              {"skip",
               "What is not settled yet will not run: one gap row a schedule, by whom in the audit",
               {"rruled schedule skip --all --until now --dry-run",
                "rruled schedule skip 0190f6a2 --until 2030-01-07T09:00:00Z"
                "     (at most a day ahead)"}},
              skip, command);
  command
      ->add_option("--until", options->until,
                   "Occurrences before this (default: now; at most a day ahead)")
      ->type_name("TIME");
  (void)add_one(commands, schedules,
                {"recompute",
                 "Takes back a settled_to that a wrong clock set more than a day ahead",
                 {"rruled schedule recompute --all"}},
                recompute, command);
}

}  // namespace rruled::cli
