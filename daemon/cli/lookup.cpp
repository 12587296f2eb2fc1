#include "daemon/cli/lookup.h"

#include "daemon/cli/output.h"
#include "daemon/io/audit_write.h"
#include "store/conflicts.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <limits>
#include <optional>
#include <random>
#include <set>

namespace rruled::cli {
namespace {

constexpr std::size_t kRunPage = 500;
constexpr int kTries = 8;
constexpr std::chrono::duration<int, std::milli> kPauseMin{20};
constexpr std::chrono::duration<int, std::milli> kPauseMax{200};

// In one read: pages of what others write meanwhile leave rows out, and have others twice.
template <class Query>
Query whole(Query query) {
  query.limit = std::numeric_limits<std::size_t>::max();
  return query;
}

bool is_hexadecimal(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '-' || std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
}

bool is_prefix(const std::string& text) {
  return text.size() >= kIdPrefixMin && is_hexadecimal(text);
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

[[noreturn]] void nothing_found(const std::string& noun,
                                const std::string& text,
                                const std::string& shows = "them all.") {
  const bool short_id = text.size() < kIdPrefixMin && is_hexadecimal(text);
  const std::string advice =
      short_id ? "Give " + std::to_string(kIdPrefixMin) + " characters of an id, or more. " : "";
  throw Failure(kRefused, "no " + noun + " " + text + "\n" + advice + "`rruled " + noun +
                              (noun == "run" ? "s" : "") + " list` shows " + shows);
}

// The one row of `rows` that `means` picks; nullopt: none.
template <class Row, class Means>
std::optional<Row> at_most_one(std::vector<Row> rows,
                               const std::string& noun,
                               const std::string& text,
                               Means means) {
  std::optional<Row> found;
  for (auto& each : rows) {
    if (!means(each)) continue;
    if (found)
      throw Failure(kRefused, text + " could be " + noun + " " + to_string(found->id) + " or " +
                                  to_string(each.id) + "\nGive more of the id.");
    found = std::move(each);
  }
  return found;
}

template <class Row, class Means>
Row the_one(std::vector<Row> rows, const std::string& noun, const std::string& text, Means means) {
  auto found = at_most_one(std::move(rows), noun, text, means);
  if (!found) nothing_found(noun, text);
  return std::move(*found);
}

template <class Row>
auto begins_with(const std::string& text) {
  return [prefix = lower(text)](const Row& row) { return to_string(row.id).starts_with(prefix); };
}

// The smallest id that begins with `text`; nullopt: none does.
template <class AnyId>
std::optional<AnyId> first_id(const std::string& text) {
  constexpr std::string_view kZero = "00000000-0000-0000-0000-000000000000";
  if (!is_prefix(text) || text.size() > kZero.size()) return std::nullopt;
  return store::parse_id<AnyId>(text + std::string(kZero.substr(text.size())));
}

std::string describe(const store::Conflict& conflict) {
  std::string what = "the row";
  if (conflict.flow_id) what = "flow " + to_string(*conflict.flow_id);
  if (conflict.schedule_id) what = "schedule " + to_string(*conflict.schedule_id);
  if (conflict.run_id) what = "run " + to_string(*conflict.run_id);
  if (conflict.calendar) what = "calendar \"" + cell(conflict.calendar->name) + "\"";
  if (conflict.backfill_id) what = "backfill " + to_string(*conflict.backfill_id);
  if (conflict.project_id) what = "project " + std::to_string(*conflict.project_id);
  switch (conflict.kind) {
    case store::Conflict::Kind::exists:
      return what + " exists already; nothing was written";
    case store::Conflict::Kind::missing:
      return what + " does not exist (any more); nothing was written";
    case store::Conflict::Kind::in_use:
      return what + " is named by schedules; nothing was written";
    case store::Conflict::Kind::changed:
      break;
  }
  return what + " is being changed by somebody else; nothing was written: try again";
}

}  // namespace

store::Flow find_flow(store::Store& store, const std::string& text) {
  if (const auto id = store::parse_id<store::FlowId>(text)) {
    if (auto flow = store.flow(*id)) return std::move(*flow);
    nothing_found("flow", text);
  }
  auto flows = all_flows(store);
  const bool named = std::any_of(flows.begin(), flows.end(),
                                 [&](const store::Flow& flow) { return flow.name == text; });
  if (!named && is_prefix(text))
    return the_one(std::move(flows), "flow", text, begins_with<store::Flow>(text));
  return the_one(std::move(flows), "flow", text,
                 [&](const store::Flow& flow) { return flow.name == text; });
}

store::Schedule find_schedule(store::Store& store, const std::string& text) {
  if (const auto id = store::parse_id<store::ScheduleId>(text)) {
    if (auto schedule = store.schedule(*id)) return std::move(*schedule);
    nothing_found("schedule", text);
  }
  const auto first = first_id<store::ScheduleId>(text);
  if (!first) nothing_found("schedule", text);
  return the_one(store.schedules_from(*first, 2), "schedule", text,
                 begins_with<store::Schedule>(text));
}

store::Run find_run(store::Store& store, const std::string& text) {
  if (const auto id = store::parse_id<store::RunId>(text)) {
    if (auto run = store.run(*id)) return std::move(*run);
    nothing_found("run", text);
  }
  const auto first = first_id<store::RunId>(text);
  if (!first) nothing_found("run", text);
  return the_one(store.runs_from(*first, 2), "run", text, begins_with<store::Run>(text));
}

store::Backfill find_backfill(store::Directory& directory, const std::string& text) {
  std::optional<store::Backfill> found;
  if (const auto id = store::parse_id<store::ParentId>(text))
    found = directory.backfill(*id);
  else if (is_prefix(text))
    found = at_most_one(directory.open_backfills(), "backfill", text,
                        begins_with<store::Backfill>(text));
  if (!found)
    nothing_found("backfill", text,
                  "those that are not done; of others `rruled audit` tells the whole id.");
  return std::move(*found);
}

store::Token find_token(store::Directory& directory, const std::string& text) {
  std::optional<store::Token> found;
  if (is_prefix(text))
    found = at_most_one(directory.tokens(), "token", text, begins_with<store::Token>(text));
  if (!found) nothing_found("token", text);
  return std::move(*found);
}

std::string find_object(store::Store& store, store::Directory& directory, const std::string& text) {
  if (const auto id = store::parse_id<store::FlowId>(text)) return to_string(*id);
  std::set<std::string> found;
  const auto add = [&](const auto& rows) {
    for (const auto& each : rows)
      if (const auto id = to_string(each.id); is_prefix(text) && id.starts_with(lower(text)))
        found.insert(id);
  };
  const auto flows = all_flows(store);
  for (const auto& each : flows)
    if (each.name == text) found.insert(to_string(each.id));
  if (found.empty()) {
    add(flows);
    add(directory.tokens());
    add(directory.open_backfills());
    if (const auto first = first_id<store::ScheduleId>(text)) add(store.schedules_from(*first, 2));
    if (const auto first = first_id<store::RunId>(text)) add(store.runs_from(*first, 2));
  }
  if (found.empty())
    throw Failure(kRefused, "nothing has the id or the name " + text + ", or an id that begins so" +
                                "\nGive " + std::to_string(kIdPrefixMin) +
                                " characters of an id, or more; of what was deleted the whole id.");
  if (found.size() > 1)
    throw Failure(kRefused, text + " could be " + *found.begin() + " or " + *found.rbegin() +
                                "\nGive more of the id.");
  return *found.begin();
}

std::vector<store::Flow> all_flows(store::Store& store, store::FlowQuery query) {
  return store.flows(whole(query));
}

std::vector<store::Schedule> all_schedules(store::Store& store, store::ScheduleQuery query) {
  return store.schedules(whole(query));
}

void walk_ended_runs(store::Store& store,
                     store::Directory& directory,
                     const EndedRuns& which,
                     const std::function<void(const std::vector<store::Run>&)>& page) {
  std::set<std::int64_t> projects{which.project};
  if (which.project == 0) {
    projects.clear();
    for (const auto& flow : all_flows(store)) projects.insert(flow.project_id);
  }
  for (const auto project : projects) {
    store::RunFilter filter{.project_id = project,
                            .statuses = {which.status},
                            .due_from = which.due_from,
                            .due_to = which.due_to};
    for (bool more = true; more;) {
      const auto runs = directory.runs(filter, {.limit = kRunPage}, false).rows;
      more = runs.size() == kRunPage;
      // A run keeps its due_at when it is tried again.
      if (more) filter.before = {runs.back().due_at, runs.back().id};
      if (!runs.empty()) page(runs);
    }
  }
}

std::string audit_actor() {
  const auto user = geteuid();
  std::array<char, 1024> text{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(user, &entry, text.data(), text.size(), &found) == 0 && found != nullptr)
    return "cli " + std::string(found->pw_name);
  return "cli uid " + std::to_string(user);
}

void write_changes(store::Store& store,
                   const io::Clock& clock,
                   const std::function<store::ChangeSet(store::Store&)>& build) {
  write_by([&] { return io::write_with_audit(build(store), store, audit_actor(), clock.now()); });
}

void wait_for_others() {
  std::random_device random;
  const std::chrono::milliseconds pause(
      std::uniform_int_distribution<int>(kPauseMin.count(), kPauseMax.count())(random));
  boost::asio::io_context io;
  boost::asio::steady_timer(io, pause).wait();
}

void write_by(const std::function<std::optional<store::Conflict>()>& attempt,
              const std::function<void()>& wait) {
  for (int left = kTries; left > 0; --left) {
    const auto conflict = attempt();
    if (!conflict) return;
    if (!store::may_pass(*conflict) || left == 1) throw Failure(kRefused, describe(*conflict));
    wait();
  }
}

}  // namespace rruled::cli
