#include "daemon/cli/apply.h"

#include "daemon/cli/commands.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/excluded_days.h"
#include "daemon/io/audit_write.h"
#include "daemon/io/companion.h"
#include "daemon/io/flow_removal.h"
#include "store/directory.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

namespace rruled::cli {
namespace {

using core::Bundle;
using core::BundleUse;

constexpr std::uintmax_t kFileBytesMax = std::uintmax_t{64} << 20U;

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    throw Failure(kRefused, "there is no file or folder " + path.string());
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& each : std::filesystem::directory_iterator(path, error))
    if (each.path().extension() == ".json" && each.path().filename().string().front() != '.' &&
        each.is_regular_file())
      files.push_back(each.path());
  if (error) throw Failure(kRefused, "cannot read " + path.string() + ": " + error.message());
  if (files.empty()) throw Failure(kRefused, path.string() + " holds no *.json");
  std::sort(files.begin(), files.end());
  return files;
}

Bundle bundle_of_text(const std::string& text, const std::string& name) {
  const auto value = core::parse_json(text, core::LongIntegers::refused, core::kStoredDepthMax);
  if (!value)
    throw Failure(kRefused, name + ":" + std::to_string(value.error().line) + ":" +
                                std::to_string(value.error().column) +
                                ": not JSON: " + value.error().detail);
  auto bundle = core::bundle_from_json(*value);
  if (!bundle) {
    core::FieldError mistake = bundle.error();
    mistake.attr = name + (mistake.attr.empty() ? "" : ": " + mistake.attr);
    throw Failure(mistake);
  }
  for (auto& flow : *bundle) {
    flow.path = name + ": " + flow.path;
    for (auto& schedule : flow.schedules) schedule.path = name + ": " + schedule.path;
  }
  return std::move(*bundle);
}

Bundle read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) > kFileBytesMax && !error)
    throw Failure(kRefused, path.string() + " is larger than 64 MiB");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Failure(kRefused, "cannot read " + path.string());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return bundle_of_text(text, path.string());
}

Bundle with_ids(Bundle bundle) {
  if (auto error = core::derive_ids(bundle)) throw Failure(*error);
  return bundle;
}

Bundle read_files(const std::filesystem::path& path) {
  Bundle bundle;
  for (const auto& each : files_of(path)) {
    auto part = read_file(each);
    std::move(part.begin(), part.end(), std::back_inserter(bundle));
  }
  return with_ids(std::move(bundle));
}

Bundle read_argument(Session& session, const std::string& path) {
  if (path != "-") return read_files(path);
  return with_ids(bundle_of_text(session.read_input(path, kFileBytesMax), "standard input"));
}

void add_schedules(core::StoredRows& rows, std::vector<store::Schedule> schedules) {
  for (auto& each : schedules) rows.schedules.insert_or_assign(each.id, std::move(each));
}

struct ApplyArguments {
  std::string path;
  ApplyOptions apply;
};

// The flows to delete, as they were planned, out of `changes`.
io::FlowRemoval take_removal(store::ChangeSet& changes, store::Store& store) {
  std::vector<store::Flow> flows;
  for (const auto& each : std::exchange(changes.delete_flows, {})) {
    auto flow = store.flow(each.id);
    if (!flow) continue;
    flow->revision = each.expected_revision.value_or(flow->revision);
    flows.push_back(std::move(*flow));
  }
  return io::plan_removal(store, std::move(flows));
}

void finish(store::Store& store,
            const io::FlowRemoval& removal,
            const io::Clock& clock,
            std::ostream& out) {
  try {
    for (const auto& id : io::finish_removal(store, removal, clock.now()).kept)
      out << "kept flow " << to_string(id) << ": somebody else took it up again meanwhile;"
          << " if it must go all the same, apply again with --prune\n";
  } catch (const store::StoreError& error) {
    throw Failure(kRefused,
                  std::string(error.what()) +
                      "\nWhat is printed above was written, but the deleted flows are still"
                      " there, archived: apply again with --prune, and they go.");
  }
}

int run_apply(Session& session, const ApplyArguments& options) {
  const Bundle bundle = read_argument(session, options.path);
  const auto rules = session.rules();
  store::Store& store = options.apply.dry_run ? session.store_to_try() : session.store_to_write();
  const auto applied = apply_bundle(store, bundle, options.apply, rules, session.clock());
  for (const auto& each : applied.lines) session.out() << cell(each) << '\n';
  if (applied.lines.empty())
    session.out() << "Nothing to change.\n";
  else if (options.apply.dry_run)
    session.out() << "Nothing was written (--dry-run).\n";
  session.out() << std::flush;
  finish(store, applied.removal, session.clock(), session.out());
  return 0;
}

}  // namespace

core::StoredRows stored_rows(store::Store& store, const Bundle& bundle, BundleUse use) {
  core::StoredRows rows;
  std::set<std::int64_t> projects;
  for (const auto& item : bundle) {
    projects.insert(item.project_id);
    if (item.id)
      if (auto flow = store.flow(*item.id)) {
        add_schedules(rows, all_schedules(store, {.flow_id = flow->id}));
        rows.flows.insert_or_assign(flow->id, std::move(*flow));
      }
    for (const auto& each : item.schedules)
      if (each.id && !rows.schedules.contains(*each.id))
        if (auto schedule = store.schedule(*each.id)) add_schedules(rows, {std::move(*schedule)});
  }
  const auto directory = store.directory();
  for (const auto id : projects)
    if (const auto project = directory->project(id); project && project->paused())
      rows.paused_projects.insert(id);
  if (use != BundleUse::prune) return rows;
  for (const auto project : projects) {
    for (auto& flow : all_flows(store, {.project_id = project}))
      rows.flows.insert_or_assign(flow.id, std::move(flow));
    add_schedules(rows, all_schedules(store, {.project_id = project}));
  }
  return rows;
}

Applied apply_bundle(store::Store& store,
                     const Bundle& bundle,
                     const ApplyOptions& options,
                     const core::ScheduleRules& rules,
                     const io::Clock& clock) {
  const auto use = options.prune ? BundleUse::prune : BundleUse::apply;
  Applied applied;
  const auto plan = [&] {
    auto planned =
        core::plan_bundle(bundle, stored_rows(store, bundle, use), use, rules, clock.now());
    if (!planned) throw Failure(planned.error());
    applied.lines = std::move(planned->lines);
    return std::move(planned->changes);
  };
  if (options.dry_run) {
    plan();
    return applied;
  }
  write_by([&] {
    auto changes = plan();
    applied.removal = take_removal(changes, store);
    io::add_audit(changes, store, audit_actor(), clock.now());
    io::add_removal(changes, store, applied.removal, audit_actor(), clock.now());
    auto conflict = changes.audit.empty() ? std::nullopt : store.write(changes, clock.now());
    // It was there when this was planned: somebody else deletes, too.
    using Kind = store::Conflict::Kind;
    if (conflict && conflict->kind == Kind::missing) conflict->kind = Kind::changed;
    return conflict;
  });
  return applied;
}

Applied apply_files(store::Store& store,
                    const std::filesystem::path& path,
                    const ApplyOptions& options,
                    const core::ScheduleRules& rules,
                    const io::Clock& clock) {
  return apply_bundle(store, read_files(path), options, rules, clock);
}

void refuse_wrong_files(Session& session, const std::filesystem::path& path) {
  auto rules = io::schedule_rules(session.config(), session.zones());
  // What the store has may stay, and its calendars only it knows.
  rules.min_interval = std::chrono::seconds(1);
  rules.calendars = [](std::int64_t, const std::string&) {
    return std::make_shared<const core::ExcludedDays>();
  };
  const auto planned =
      core::plan_bundle(read_files(path), {}, BundleUse::apply, rules, session.now());
  if (!planned) throw Failure(planned.error());
}

void add_apply(Commands& commands) {
  auto options = std::make_shared<ApplyArguments>();
  auto* command = add_command(
      commands, &commands.root,
      {"apply",
       "Makes flows and schedules as files have them; for those that are kept beside a deployment",
       {"rruled apply /etc/rruled/schedules.d", "rruled apply flows.json --dry-run",
        "rruled apply flows.json --prune"}});
  command->footer(
      command->get_footer() +
      "\n\nThe files have the form of `rruled export`. A flow without an id is known by its"
      "\nproject and name, a schedule without one by its flow, rule, start and zone: edit"
      "\none of these and the old schedule is deleted, a new one made. Give ids to keep a"
      "\nschedule's history over such edits. A schedule that was applied and is not in its"
      "\nflow any more is deleted, without --prune too; a flow that no file names any more"
      "\nstays, and fires, unless --prune is said. What a file leaves out has its default,"
      "\nbut the status of what exists stays: a paused schedule is not resumed by applying.");
  command
      ->add_option("PATH", options->path, "A file, or a folder whose *.json are read; - is stdin")
      ->required()
      ->type_name("FILE|DIR|-");
  command->add_flag("--prune", options->apply.prune,
                    "Also delete what the files do not name, of the projects they name");
  command->add_flag("--dry-run", options->apply.dry_run, "Only print what would change");
  when_chosen(commands, command,
              [&commands, options] { return run_apply(commands.session, *options); });
}

}  // namespace rruled::cli
