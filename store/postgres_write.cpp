#include "store/conflicts.h"
#include "store/postgres_objects.h"
#include "store/postgres_rows.h"
#include "store/postgres_store.h"
#include "store/validate.h"

#include <algorithm>
#include <map>
#include <set>

namespace rruled::store {
namespace {

// One ChangeSet on its way, inside its transaction. The rows that decide are read at once at the
// beginning, and kept here as they change; what is written goes out at once at the end.
class PgWriter {
 public:
  PgWriter(Tx& tx, const ChangeSet& changes, std::int64_t revision)
      : tx_(tx), changes_(changes), revision_(revision) {}

  void apply();

 private:
  void read_flows();
  void read_schedules();
  void delete_flows();
  void delete_schedules();
  void prune_tombstones();
  void put_flows();
  void put_schedules();
  void add_gaps();
  void add_runs();
  void add_audit();
  [[nodiscard]] std::optional<std::int64_t> revision_of(FlowId id) const;
  [[nodiscard]] std::optional<ScheduleStamp> stamp_of(ScheduleId id) const;

  Tx& tx_;
  const ChangeSet& changes_;
  std::int64_t revision_;
  std::map<FlowId, Flow> flows_;  // of those that the changes name, the ones that exist
  std::map<ScheduleId, ScheduleStamp> schedules_;
  std::map<ScheduleId, FlowId> flow_of_;  // of each of them
  std::vector<FlowId> changed_flows_;     // whose runs will differ
};

void PgWriter::apply() {
  static const std::string kRunsAdded = "UPDATE meta SET runs_revision = revision WHERE one = 1";
  read_flows();
  read_schedules();
  delete_flows();
  delete_schedules();
  if (!changes_.delete_flows.empty() || !changes_.delete_schedules.empty()) prune_tombstones();
  if (auto found = put_calendars(tx_, changes_)) throw Refused{*found};
  put_flows();
  put_schedules();
  if (!changed_flows_.empty()) bump_schedules(tx_, changed_flows_, revision_);
  if (auto found = write_objects(tx_, changes_, revision_)) throw Refused{*found};
  add_gaps();
  add_runs();
  add_audit();
  if (!changes_.runs.empty()) tx_.exec(kRunsAdded);
}

void PgWriter::read_flows() {
  static const std::string kFlows = "SELECT " + pg_columns<Flow>() +
                                    " FROM flows WHERE id = ANY($1::uuid[]) ORDER BY id"
                                    " FOR UPDATE";
  std::set<FlowId> ids;
  for (const auto& each : changes_.delete_flows) ids.insert(each.id);
  for (const auto& put : changes_.flows) ids.insert(put.flow.id);
  for (const auto& put : changes_.schedules) ids.insert(put.schedule.flow_id);
  for (const auto& run : changes_.runs) ids.insert(run.flow_id);
  if (ids.empty()) return;
  Params params;
  params.add_each(ids, [](const FlowId& id) { return id; });
  for (auto& flow : read_table<Flow>(tx_.exec(kFlows, params))) flows_[flow.id] = flow;
}

// Locks, in order of id, every schedule that may be written or whose runs may.
void PgWriter::read_schedules() {
  // By ids alone: OR over two tables of the view would read all of them.
  static const std::string kSchedules =
      "SELECT id, flow_id, version, next_run_at, status FROM schedules"
      " WHERE id = ANY(ARRAY(SELECT unnest($1::uuid[]) UNION"
      " SELECT id FROM schedule_rules WHERE flow_id = ANY($2::uuid[])))"
      " ORDER BY id FOR UPDATE";
  std::set<ScheduleId> ids;
  for (const auto& each : changes_.delete_schedules) ids.insert(each.id);
  for (const auto& put : changes_.schedules) ids.insert(put.schedule.id);
  for (const auto& gap : changes_.gaps) ids.insert(gap.schedule_id);
  for (const auto& run : changes_.runs)
    if (run.schedule_id) ids.insert(*run.schedule_id);
  std::set<FlowId> flows;
  for (const auto& each : changes_.delete_flows) flows.insert(each.id);
  for (const auto& put : changes_.flows)
    if (flows_.contains(put.flow.id)) flows.insert(put.flow.id);
  if (ids.empty() && flows.empty()) return;
  Params params;
  params.add_each(ids, [](const ScheduleId& id) { return id; });
  params.add_each(flows, [](const FlowId& id) { return id; });
  for_each_row(tx_.exec(kSchedules, params), [&](PgReader& row) {
    const auto id = row.read<ScheduleId>();
    flow_of_[id] = row.read<FlowId>();
    auto& stamp = schedules_[id];
    stamp.version = row.read<std::int64_t>();
    stamp.next_run_at = row.read<std::optional<Instant>>();
    stamp.status = row.read<ScheduleStatus>();
  });
}

std::optional<std::int64_t> PgWriter::revision_of(FlowId id) const {
  const auto stored = flows_.find(id);
  return stored == flows_.end() ? std::nullopt : std::optional(stored->second.revision);
}

std::optional<ScheduleStamp> PgWriter::stamp_of(ScheduleId id) const {
  const auto stored = schedules_.find(id);
  return stored == schedules_.end() ? std::nullopt : std::optional(stored->second);
}

// In an order in which nobody adds a row behind: schedules are locked, so no run is settled; runs
// go before what their ends write. The first statement locks them in order of id.
void PgWriter::delete_flows() {
  static const std::string kRunsOfFlows =
      " (SELECT number FROM runs WHERE flow_id = ANY($1::uuid[]))";
  static const std::vector<std::string> kDeletes = {
      "SELECT count(*) FROM (SELECT 1 FROM runs WHERE flow_id = ANY($1::uuid[]) AND " +
          std::string(kPgLive) + " ORDER BY id FOR UPDATE) AS locked",
      "DELETE FROM attempts WHERE run IN" + kRunsOfFlows,
      "DELETE FROM incomplete_runs WHERE run IN" + kRunsOfFlows,
      "DELETE FROM run_bodies WHERE run IN" + kRunsOfFlows,
      "DELETE FROM runs WHERE flow_id = ANY($1::uuid[])",
      "DELETE FROM log_lines WHERE flow_id = ANY($1::uuid[])",
      "DELETE FROM gaps WHERE flow_id = ANY($1::uuid[])",
      "DELETE FROM schedule_states WHERE id IN"
      " (SELECT id FROM schedule_rules WHERE flow_id = ANY($1::uuid[]))",
      "DELETE FROM schedule_rules WHERE flow_id = ANY($1::uuid[])",
      "DELETE FROM flows WHERE id = ANY($1::uuid[])"};
  static const std::string kBury =
      "INSERT INTO tombstones (schedule_id, revision, version)"
      " SELECT id, $2::bigint, version FROM schedules WHERE flow_id = ANY($1::uuid[])"
      " ON CONFLICT (schedule_id) DO UPDATE SET revision = excluded.revision,"
      " version = excluded.version";
  std::vector<FlowId> ids;
  for (const auto& each : changes_.delete_flows) {
    if (const auto kind = conflict_between(revision_of(each.id), each)) conflict(*kind, each.id);
    const auto is_of_it = [&](const auto& row) { return row.second == each.id; };
    if (each.without_schedules && std::ranges::any_of(flow_of_, is_of_it))
      conflict(Conflict::Kind::changed, each.id);
    flows_.erase(each.id);
    ids.push_back(each.id);
  }
  if (ids.empty()) return;
  const std::set<FlowId> gone(ids.begin(), ids.end());
  std::erase_if(schedules_, [&](const auto& each) { return gone.contains(flow_of_[each.first]); });
  tx_.exec(kBury, Params().add_all(ids).add(revision_));
  for (const auto& sql : kDeletes) tx_.exec(sql, Params().add_all(ids));
}

void PgWriter::delete_schedules() {
  static const std::string kUnsent =
      "SELECT r.id FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      " WHERE o.schedule_id = ANY($1::uuid[]) AND o." +
      std::string(kPgLive) +
      " AND r.status IN ('waiting', 'pending', 'retrying') ORDER BY r.id FOR UPDATE OF r";
  static const std::string kBury =
      "INSERT INTO tombstones (schedule_id, revision, version)"
      " SELECT id, $2::bigint, version FROM schedules WHERE id = ANY($1::uuid[])"
      " ON CONFLICT (schedule_id) DO UPDATE SET revision = excluded.revision,"
      " version = excluded.version";
  std::vector<ScheduleId> ids;
  for (const auto& each : changes_.delete_schedules) {
    if (const auto kind = conflict_between(stamp_of(each.id), each)) conflict(*kind, each.id);
    schedules_.erase(each.id);
    ids.push_back(each.id);
  }
  if (ids.empty()) return;
  cancel_runs(tx_, read_values<RunId>(tx_.exec(kUnsent, Params().add_all(ids))),
              word(RunReason::schedule_deleted));
  tx_.exec(kBury, Params().add_all(ids).add(revision_));
  store::delete_schedules(tx_, ids);
}

void PgWriter::prune_tombstones() {
  static const std::string kPrune =
      "DELETE FROM tombstones WHERE revision < $1::bigint AND schedule_id IN"
      " (SELECT schedule_id FROM tombstones ORDER BY revision DESC OFFSET $2::bigint)";
  tx_.exec(kPrune, Params().add(revision_).add(kTombstonesMax));
}

void PgWriter::put_flows() {
  static const std::string kPut = pg_put<Flow>();
  std::map<FlowId, Flow> rows;
  for (const auto& put : changes_.flows) {
    const auto& id = put.flow.id;
    const auto stored = flows_.find(id);
    const bool exists = stored != flows_.end();
    if (const auto kind = conflict_between(revision_of(id), put.expected_revision))
      conflict(*kind, id);
    // What runs of the flow are made of, as DueSchedule shows it.
    const auto parts = [](const Flow& flow) {
      return std::tie(flow.name, flow.status, flow.version, flow.trigger_type, flow.variables);
    };
    if (exists && parts(stored->second) != parts(put.flow)) changed_flows_.push_back(id);
    auto row = put.flow;
    row.revision = revision_;
    flows_[id] = row;
    rows[id] = std::move(row);
  }
  if (rows.empty()) return;
  std::vector<const Flow*> all;
  for (const auto& [id, row] : rows) all.push_back(&row);
  tx_.exec(kPut, Params().add_rows(all));
}

void PgWriter::put_schedules() {
  static const std::string kPutRules = pg_put<Schedule>("schedule_rules", is_rule_column);
  static const std::string kPutStates = pg_put<Schedule>("schedule_states", is_state_column);
  static const std::string kTake =
      "DELETE FROM tombstones WHERE schedule_id = ANY($1::uuid[]) RETURNING schedule_id, version";
  if (changes_.schedules.empty()) return;
  std::map<ScheduleId, std::int64_t> buried;
  std::vector<ScheduleId> absent;
  for (const auto& put : changes_.schedules)
    if (!schedules_.contains(put.schedule.id)) absent.push_back(put.schedule.id);
  for_each_row(tx_.exec(kTake, Params().add_all(absent)), [&](PgReader& row) {
    const auto id = row.read<ScheduleId>();
    buried[id] = row.read<std::int64_t>();
  });
  std::map<ScheduleId, Schedule> rows;
  for (const auto& put : changes_.schedules) {
    const auto& id = put.schedule.id;
    const auto stored = stamp_of(id);
    if (const auto kind = conflict_between(stored, put.expected)) conflict(*kind, id);
    if (!flows_.contains(put.schedule.flow_id))
      conflict(Conflict::Kind::missing, put.schedule.flow_id);
    auto row = put.schedule;
    row.version = 1 + (stored ? stored->version : buried[id]);
    row.revision = revision_;
    schedules_[id] = {row.version, row.next_run_at, row.status};
    rows[id] = std::move(row);
  }
  std::vector<const Schedule*> all;
  for (const auto& [id, row] : rows) all.push_back(&row);
  tx_.exec(kPutRules, Params().add_rows(all, is_rule_column));
  tx_.exec(kPutStates, Params().add_rows(all, is_state_column));
}

void PgWriter::add_gaps() {
  std::vector<const Gap*> gaps;
  for (const auto& gap : changes_.gaps) {
    if (!schedules_.contains(gap.schedule_id)) conflict(Conflict::Kind::missing, gap.schedule_id);
    gaps.push_back(&gap);
  }
  put_gaps(tx_, gaps);
}

void PgWriter::add_runs() {
  std::vector<Run> rows;
  rows.reserve(changes_.runs.size());
  for (const auto& run : changes_.runs) {
    if (!flows_.contains(run.flow_id)) conflict(Conflict::Kind::missing, run.flow_id);
    if (run.schedule_id && !schedules_.contains(*run.schedule_id))
      conflict(Conflict::Kind::missing, *run.schedule_id);
    auto& row = rows.emplace_back(run);
    if (!row.available_at) row.available_at = row.due_at;
  }
  std::vector<const Run*> all;
  for (const auto& row : rows) all.push_back(&row);
  const auto ids = insert_runs(tx_, all, milliseconds(0));
  std::set<RunId> inserted(ids.begin(), ids.end());
  for (const auto& run : rows)
    if (inserted.erase(run.id) == 0) conflict(Conflict::Kind::exists, run.id);
}

void PgWriter::add_audit() {
  std::vector<const AuditEntry*> all;
  for (const auto& entry : changes_.audit) all.push_back(&entry);
  insert_audit(tx_, all);
}

}  // namespace

std::optional<Conflict> PostgresStore::write(const ChangeSet& changes, Timestamp now) {
  // First, and by everyone who writes: so revisions are committed in their order, and who reads one
  // has seen all before it.
  static const std::string kBump =
      "UPDATE meta SET revision = revision + 1 WHERE one = 1 RETURNING revision";
  validate(changes);
  try {
    connection_->write(now, [&](Tx& tx) {
      const auto bumped = tx.exec(kBump);
      PgWriter(tx, changes, PgReader(bumped, 0).read<std::int64_t>()).apply();
      notify_daemons(tx, connection_->options());
    });
  } catch (const Refused& refused) {
    return refused.conflict;
  }
  return std::nullopt;
}

}  // namespace rruled::store
