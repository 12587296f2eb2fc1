#include "daemon/io/flow_removal.h"

#include "daemon/core/audit.h"
#include "daemon/core/flow_json.h"
#include "store/run_desk.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <utility>

namespace rruled::io {
namespace {

using Conflict = store::Conflict;

// Runs: with their lines 10 to 30 ms on SQLite, during which nobody else writes.
constexpr std::size_t kRemovalBatch = 200;
// Runs, or log lines, that may go with their flow: as long as a batch or two.
constexpr std::size_t kShortMax = 300;
// Of all flows that go in one transaction.
constexpr std::size_t kAtOnceMax = 1'000;

// Of runs or of log lines, what there are more of; no more than kShortMax + 1.
std::size_t length_of_history(store::Store& store, store::FlowId id) {
  return std::max(store.runs({.flow_id = id, .limit = kShortMax + 1}).size(),
                  store.logs({.flow_id = id, .limit = kShortMax + 1}).size());
}

enum class Plight { gone, to_go, taken_up };

struct Look {
  Plight plight = Plight::gone;
  std::int64_t revision = 0;  // of the flow that was looked at
};

// Whether somebody has taken it up again since it was decided.
Look look_at(store::Store& store, store::FlowId id) {
  const auto flow = store.flow(id);
  if (!flow) return {};
  const bool is_to_go = flow->status == store::FlowStatus::archived &&
                        store.schedules({.flow_id = id, .limit = 1}).empty();
  return {is_to_go ? Plight::to_go : Plight::taken_up, flow->revision};
}

// False: `stop` was requested.
bool rest(std::chrono::steady_clock::duration wait, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  (void)stopped.wait_for(lock, stop, wait, [] { return false; });
  return !stop.stop_requested();
}

// False: `stop` was requested.
bool remove_history(store::Store& store, store::FlowId id, const std::stop_token& stop) {
  using Steady = std::chrono::steady_clock;
  const auto desk = store.run_desk();
  for (bool more = !stop.stop_requested(); more && look_at(store, id).plight == Plight::to_go;) {
    const auto began = Steady::now();
    more = desk->remove_history(id, kRemovalBatch).more;
    // A program that waits for SQLite's lock looks again and again, and may find it free as often
    // as not.
    if (more && !rest(Steady::now() - began, stop)) break;
  }
  return !stop.stop_requested();
}

// With what is still live of it. False: taken up again.
bool remove_rest(store::Store& store, store::FlowId id, store::Timestamp now) {
  for (auto look = look_at(store, id); look.plight != Plight::gone; look = look_at(store, id)) {
    if (look.plight == Plight::taken_up) return false;
    const store::FlowDelete as_seen{id, look.revision, true};
    if (!store.write({.delete_flows = {as_seen}}, now)) break;
  }
  return true;
}

}  // namespace

FlowRemoval plan_removal(store::Store& store, std::vector<store::Flow> flows) {
  FlowRemoval removal;
  std::size_t at_once = 0;
  for (auto& flow : flows) {
    const auto length = length_of_history(store, flow.id);
    const bool is_short = length <= kShortMax && at_once + length <= kAtOnceMax;
    if (is_short) at_once += length;
    (is_short ? removal.at_once : removal.in_steps).push_back(std::move(flow));
  }
  return removal;
}

void add_removal(store::ChangeSet& changes,
                 store::Store& store,
                 const FlowRemoval& removal,
                 const std::string& actor,
                 store::Timestamp now) {
  const auto tell = [&](const store::Flow& flow) {
    const auto before = core::to_json(flow);
    changes.audit.push_back(core::audit_line(
        now, actor, "delete", {flow.project_id, "flow", to_string(flow.id)}, &before, nullptr));
  };
  for (const auto& flow : removal.at_once) {
    tell(flow);
    changes.delete_flows.push_back({flow.id, flow.revision});
  }
  for (auto flow : removal.in_steps) {
    // The one line of the deletion: that it was archived for it, and is gone in the end, has none.
    tell(flow);
    constexpr auto kAll = std::numeric_limits<std::size_t>::max();
    for (const auto& each : store.schedules({.flow_id = flow.id, .limit = kAll}))
      changes.delete_schedules.push_back({each.id});
    flow.status = store::FlowStatus::archived;
    flow.updated_at = now;
    const auto revision = flow.revision;
    changes.flows.push_back({std::move(flow), revision});
  }
}

std::optional<Conflict> begin_removal(store::Store& store,
                                      const FlowRemoval& removal,
                                      const std::string& actor,
                                      store::Timestamp now) {
  store::ChangeSet changes;
  add_removal(changes, store, removal, actor, now);
  if (changes.audit.empty()) return std::nullopt;
  auto conflict = store.write(changes, now);
  // Of a schedule that was there a moment ago: the flow is, as far as anybody knows.
  if (conflict && conflict->schedule_id) conflict->kind = Conflict::Kind::changed;
  return conflict;
}

RemovalEnd finish_removal(store::Store& store,
                          const FlowRemoval& removal,
                          store::Timestamp now,
                          const std::stop_token& stop) {
  RemovalEnd end;
  for (const auto& flow : removal.in_steps) {
    end.is_whole = remove_history(store, flow.id, stop);
    if (!end.is_whole) break;
    if (!remove_rest(store, flow.id, now)) end.kept.push_back(flow.id);
  }
  return end;
}

}  // namespace rruled::io
