#include "store/conflicts.h"
#include "store/sqlite_objects.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"
#include "store/sqlite_store.h"
#include "store/validate.h"

namespace rruled::store {
namespace {

// One ChangeSet on its way, inside its transaction.
class Writer {
 public:
  Writer(Connection& connection, std::int64_t revision, Timestamp now)
      : connection_(connection), revision_(revision), now_(now) {}

  void apply(const ChangeSet& changes);

 private:
  void remove(const FlowDelete& flow);
  void remove(const ScheduleDelete& schedule);
  void prune_tombstones();
  void put(const FlowPut& put);
  void put(const SchedulePut& put);
  void add(const Run& run);
  [[nodiscard]] bool has_flow(FlowId id);
  [[nodiscard]] bool has_schedule(ScheduleId id);
  [[nodiscard]] bool has_schedules(FlowId id);
  [[nodiscard]] std::optional<std::int64_t> revision_of(FlowId id);
  [[nodiscard]] std::optional<ScheduleStamp> stamp_of(ScheduleId id);
  [[nodiscard]] std::int64_t take_tombstone(ScheduleId id);
  void bump_schedules_of(FlowId id);

  Connection& connection_;
  std::int64_t revision_;
  Timestamp now_;
  std::vector<FlowId> changed_flows_;  // whose runs will differ
};

void Writer::apply(const ChangeSet& changes) {
  static const std::string kRunsAdded = "UPDATE meta SET runs_revision = revision";
  for (const auto& each : changes.delete_flows) remove(each);
  for (const auto& each : changes.delete_schedules) remove(each);
  if (!changes.delete_flows.empty() || !changes.delete_schedules.empty()) prune_tombstones();
  if (auto found = put_calendars(connection_, changes)) throw Refused{*found};
  for (const auto& each : changes.flows) put(each);
  for (const auto& each : changes.schedules) put(each);
  for (const auto& id : changed_flows_) bump_schedules_of(id);
  if (auto found = write_objects(connection_, changes, revision_)) throw Refused{*found};
  for (const auto& gap : changes.gaps)
    if (!put_gap(connection_, gap)) conflict(Conflict::Kind::missing, gap.schedule_id);
  for (const auto& run : changes.runs) add(run);
  count_runs(connection_, changes.runs.size());
  if (!changes.runs.empty()) Query(connection_, kRunsAdded).run();
  for (const auto& entry : changes.audit) insert_audit(connection_, entry);
}

void Writer::remove(const FlowDelete& flow) {
  static const std::string kBury =
      "INSERT OR REPLACE INTO tombstones (schedule_id, revision, version)"
      " SELECT id, ?, version FROM schedules WHERE flow_id = ?";
  static const std::string kDelete = "DELETE FROM flows WHERE id = ?";
  const auto& id = flow.id;
  if (const auto kind = conflict_between(revision_of(id), flow)) conflict(*kind, id);
  if (flow.without_schedules && has_schedules(id)) conflict(Conflict::Kind::changed, id);
  Query(connection_, kBury).bind(revision_).bind(id).run();
  Query(connection_, kDelete).bind(id).run();
}

void Writer::remove(const ScheduleDelete& schedule) {
  static const std::string kBury =
      "INSERT OR REPLACE INTO tombstones (schedule_id, revision, version)"
      " SELECT id, ?, version FROM schedules WHERE id = ?";
  static const std::string kDelete = "DELETE FROM schedules WHERE id = ?";
  const auto& id = schedule.id;
  if (const auto kind = conflict_between(stamp_of(id), schedule)) conflict(*kind, id);
  cancel_unsent(connection_, id, RunReason::schedule_deleted, now_);
  Query(connection_, kBury).bind(revision_).bind(id).run();
  Query(connection_, kDelete).bind(id).run();
}

void Writer::prune_tombstones() {
  static const std::string kPrune =
      "DELETE FROM tombstones WHERE revision < ? AND schedule_id IN"
      " (SELECT schedule_id FROM tombstones ORDER BY revision DESC LIMIT -1 OFFSET ?)";
  Query(connection_, kPrune).bind(revision_).bind(kTombstonesMax).run();
}

void Writer::put(const FlowPut& put) {
  // What runs of the flow are made of, as DueSchedule shows it.
  static const std::string kStored =
      "SELECT revision, name IS ?2 AND status = ?3 AND version = ?4 AND trigger_type = ?5"
      " AND variables = ?6 FROM flows WHERE id = ?1";
  static const std::string kPut = put_sql<Flow>();
  const auto& id = put.flow.id;
  std::optional<std::int64_t> stored;
  bool runs_alike = true;
  {
    Query query(connection_, kStored);
    query.bind(id).bind(put.flow.name).bind(put.flow.status).bind(put.flow.version);
    query.bind(put.flow.trigger_type).bind(put.flow.variables);
    if (query.step()) {
      stored = query.read<std::int64_t>();
      runs_alike = query.read<bool>();
    }
  }
  if (const auto kind = conflict_between(stored, put.expected_revision)) conflict(*kind, id);
  if (!runs_alike) changed_flows_.push_back(id);
  auto row = put.flow;
  row.revision = revision_;
  Query query(connection_, kPut);
  bind_row(query, row);
  query.run();
}

void Writer::put(const SchedulePut& put) {
  static const std::string kPut = put_sql<Schedule>();
  const auto& id = put.schedule.id;
  const auto stored = stamp_of(id);
  if (const auto kind = conflict_between(stored, put.expected)) conflict(*kind, id);
  if (!has_flow(put.schedule.flow_id)) conflict(Conflict::Kind::missing, put.schedule.flow_id);
  if (!has_calendar_of(connection_, put.schedule))
    conflict(Conflict::Kind::missing, CalendarName{put.schedule.project_id, put.schedule.calendar});
  auto row = put.schedule;
  row.version = 1 + (stored ? stored->version : take_tombstone(id));
  row.revision = revision_;
  Query query(connection_, kPut);
  bind_row(query, row);
  query.run();
}

std::int64_t Writer::take_tombstone(ScheduleId id) {
  static const std::string kTake = "DELETE FROM tombstones WHERE schedule_id = ? RETURNING version";
  Query query(connection_, kTake);
  return query.bind(id).step() ? query.read<std::int64_t>() : 0;
}

void Writer::bump_schedules_of(FlowId id) {
  static const std::string kBump =
      "UPDATE schedules SET version = version + 1, revision = ?1"
      " WHERE flow_id = ?2 AND revision <> ?1";
  Query(connection_, kBump).bind(revision_).bind(id).run();
}

bool Writer::has_flow(FlowId id) {
  static const std::string kHas = "SELECT 1 FROM flows WHERE id = ?";
  return Query(connection_, kHas).bind(id).step();
}

bool Writer::has_schedule(ScheduleId id) {
  static const std::string kHas = "SELECT 1 FROM schedules WHERE id = ?";
  return Query(connection_, kHas).bind(id).step();
}

bool Writer::has_schedules(FlowId id) {
  static const std::string kHas = "SELECT 1 FROM schedules WHERE flow_id = ? LIMIT 1";
  return Query(connection_, kHas).bind(id).step();
}

std::optional<std::int64_t> Writer::revision_of(FlowId id) {
  static const std::string kRevision = "SELECT revision FROM flows WHERE id = ?";
  Query query(connection_, kRevision);
  return query.bind(id).step() ? std::optional(query.read<std::int64_t>()) : std::nullopt;
}

std::optional<ScheduleStamp> Writer::stamp_of(ScheduleId id) {
  static const std::string kStamp =
      "SELECT version, next_run_at, status FROM schedules WHERE id = ?";
  Query query(connection_, kStamp);
  if (!query.bind(id).step()) return std::nullopt;
  ScheduleStamp stamp;
  stamp.version = query.read<std::int64_t>();
  stamp.next_run_at = query.read<std::optional<Instant>>();
  stamp.status = query.read<ScheduleStatus>();
  return stamp;
}

void Writer::add(const Run& run) {
  if (!has_flow(run.flow_id)) conflict(Conflict::Kind::missing, run.flow_id);
  if (run.schedule_id && !has_schedule(*run.schedule_id))
    conflict(Conflict::Kind::missing, *run.schedule_id);
  auto row = run;
  if (!row.available_at) row.available_at = row.due_at;
  if (!insert_run(connection_, row, now_)) conflict(Conflict::Kind::exists, run.id);
}

}  // namespace

std::optional<Conflict> SqliteStore::write(const ChangeSet& changes, Timestamp now) {
  static const std::string kBump = "UPDATE meta SET revision = revision + 1 RETURNING revision";
  validate(changes);
  try {
    connection_->write([&] {
      std::int64_t revision = 0;
      {
        Query query(*connection_, kBump);
        query.step();
        revision = query.read<std::int64_t>();
      }
      Writer(*connection_, revision, now).apply(changes);
    });
  } catch (const Refused& refused) {
    return refused.conflict;
  }
  watched_ = {};  // the file's own mark does not show what this connection wrote
  return std::nullopt;
}

}  // namespace rruled::store
