#include "store/postgres_queues.h"
#include "store/postgres_rows.h"
#include "store/postgres_store.h"
#include "store/run_rules.h"
#include "store/validate.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace rruled::store {
namespace {

// Thrown out of the transaction: a row that it needs next is locked by another transaction. Waiting
// for it with the locks of others could be a deadlock (schedules come before runs, and each in
// order of id), so all is done again with every lock first.
struct LocksFirst {};
constexpr int kLocksFirstMax = 4;

// A run that is there no more, or an end that is.
struct WrittenEnd {
  std::int64_t run_number = 0;
  std::optional<ScheduleId> schedule_id;  // where a slot became free
  bool with_attempt = false;              // the run's row has the attempt, too
};

// One call of finish(), in one transaction.
class Ending {
 public:
  Ending(Tx& tx, const std::vector<Finish>& batch, const Claimant& claimant)
      : tx_(tx), batch_(batch), claimant_(claimant), results_(batch.size()), ends_(batch.size()) {}

  std::vector<FinishResult> run(bool locks_first);

 private:
  void lock_all();
  void end_held(std::vector<std::size_t>& others);
  void end_other(std::size_t i);
  void put_attempts();
  void release();
  void free_slot(std::size_t i,
                 RunStatus status,
                 std::int64_t number,
                 std::optional<ScheduleId> schedule);

  Tx& tx_;
  const std::vector<Finish>& batch_;
  const Claimant& claimant_;
  std::vector<FinishResult> results_;
  std::vector<std::optional<WrittenEnd>> ends_;  // of the finishes that changed something
};

void Ending::free_slot(std::size_t i,
                       RunStatus status,
                       std::int64_t number,
                       std::optional<ScheduleId> schedule) {
  ends_[i] = WrittenEnd{number, is_final(status) ? schedule : std::nullopt};
}

// A completion like most: it says no more than that, and its first attempt is the only one.
bool is_plain(const Finish& finish) {
  return finish.sent && finish.status == RunStatus::completed && finish.reason.empty() &&
         finish.attempt.number == 1 && finish.attempt.outcome == "completed" &&
         finish.attempt.error.empty();
}

// Owner and status as conditions on both sides of the join: as ones on runs alone they made plans
// that looked at every run there is for each end, while there are few.
constexpr char kOfBoth[] = "CASE WHEN i.fence IS NOT NULL THEN ";
// Where the row can have the attempt.
constexpr char kOnly[] = "r.status = 'dispatching' AND r.started_at IS NULL";

// What is written of a run that ends, found by its key and its claim: `set` and `values` are what
// the two forms of it differ in. The row keeps the attempt of a plain completion, unless there were
// others (attempts() reads it again). Completed runs leave incomplete_runs; a trigger follows the
// others there.
std::string end_sql(const std::string& set, const std::string& values, const std::string& others) {
  return "WITH ended AS (UPDATE runs r SET " + set +
         " finished_at = i.finished_at, claimed_until = NULL,"
         " started_at = coalesce(r.started_at, i.started_at),"
         " answered_at = CASE WHEN " +
         std::string(kOnly) +
         " THEN i.answered_at END,"
         " status_code = CASE WHEN " +
         kOnly + " THEN i.status_code END FROM " + values +
         " WHERE r.id = i.id AND r.fence = i.fence AND " + kOfBoth + "r.owner END = $1::uuid" +
         others +
         " RETURNING r.id, r.number, r.schedule_id, r.flow_id, r.answered_at, r.status),"
         " gone AS (DELETE FROM incomplete_runs o USING ended e"
         "  WHERE o.run = e.number AND e.status = 'completed')"
         " SELECT id, number, schedule_id, flow_id, answered_at IS NOT NULL AS with_attempt"
         " FROM ended";
}
const std::string& end_plain_sql() {
  static const std::string kSql =
      end_sql("status = 'completed', reason = '', error = '', available_at = NULL,",
              "(SELECT *, $7::bigint AS finished_at"
              " FROM unnest($2::uuid[], $3::bigint[], $4::bigint[],"
              " $5::bigint[], $6::bigint[]) AS u(id, fence, started_at, answered_at,"
              " status_code)) AS i",
              std::string(" AND ") + kOfBoth + "r.status END = 'dispatching'");
  return kSql;
}
std::string end_any_sql(const std::string& others) {
  return end_sql(
      "status = i.status, reason = i.reason, error = i.error,"
      " attempts = r.attempts - (i.started_at IS NULL)::int, available_at = i.available_at,"
      " remote_id = coalesce(nullif(i.remote_id, ''), r.remote_id),",
      "unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],"
      " $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[])"
      " AS i(id, fence, started_at,"
      " answered_at, status_code, status, reason, error, available_at, finished_at, remote_id)",
      others);
}

Params plain_params(const std::vector<const Finish*>& ends, const Claimant& claimant) {
  Params params;
  params.add(claimant.owner);
  params.add_each(ends, [](auto* end) { return end->run_id; });
  params.add_each(ends, [](auto* end) { return end->fence; });
  params.add_each(ends, [](auto* end) {
    return end->sent ? std::optional(end->attempt.started_at) : std::nullopt;
  });
  params.add_each(ends, [](auto* end) {
    return is_plain(*end) ? std::optional(end->attempt.finished_at) : std::nullopt;
  });
  params.add_each(
      ends, [](auto* end) { return is_plain(*end) ? end->attempt.status_code : std::nullopt; });
  return params;
}

Params any_params(Tx& tx, const std::vector<const Finish*>& ends, const Claimant& claimant) {
  Params params = plain_params(ends, claimant);
  params.add_each(ends, [](auto* end) { return end->status; });
  params.add_each(ends, [](auto* end) -> const std::string& { return end->reason; });
  params.add_each(ends, [](auto* end) -> const std::string& { return end->attempt.error; });
  params.add_each(ends, [&](auto* end) {
    return is_final(end->status) ? std::nullopt
                                 : std::optional(end->available_at.value_or(tx.now()));
  });
  params.add_each(ends, [&](auto* end) {
    return is_final(end->status) ? std::optional(tx.now()) : std::nullopt;
  });
  params.add_each(ends, [](auto* end) -> const std::string& { return end->remote_id; });
  return params;
}

pqxx::result end_all(Tx& tx, const std::vector<const Finish*>& ends, const Claimant& claimant) {
  static const std::string kAny =
      end_any_sql(std::string(" AND ") + kOfBoth + "r.status END = 'dispatching'" +
                  " AND r.cancel_reason = ''");
  // In one statement, mixed or not: so the rows are locked in order of id.
  if (!std::ranges::all_of(ends, [](auto* end) { return is_plain(*end); }))
    return tx.exec(kAny, any_params(tx, ends, claimant));
  return tx.exec(end_plain_sql(), plain_params(ends, claimant).add(tx.now()));
}

// The common case, all at once: runs that the claimant holds. Gives the others in `others`.
void Ending::end_held(std::vector<std::size_t>& others) {
  std::map<RunId, std::size_t> first;  // in order of id: so are the rows locked
  std::set<RunId> again;
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    const bool held = may_finish(RunStatus::dispatching, batch_[i].status);
    if (!held || again.contains(batch_[i].run_id) || !first.emplace(batch_[i].run_id, i).second) {
      again.insert(batch_[i].run_id);
      others.push_back(i);
    }
  }
  std::vector<const Finish*> ends;
  for (const auto& [id, i] : first) ends.push_back(&batch_[i]);
  if (ends.empty()) return;
  for_each_row(end_all(tx_, ends, claimant_), [&](PgReader& row) {
    const auto found = first.find(row.read<RunId>());
    const auto i = found->second;
    const auto number = row.read<std::int64_t>();
    free_slot(i, batch_[i].status, number, row.read<std::optional<ScheduleId>>());
    validate_flow(batch_[i], row.read<FlowId>());
    ends_[i]->with_attempt = row.read<bool>();
    first.erase(found);
  });
  for (const auto& [id, i] : first) others.push_back(i);
  std::ranges::sort(others);
}

// One that is not simply held: repeated, late, lost, or wished to be cancelled.
void Ending::end_other(std::size_t i) {
  static const std::string kHeld =
      "SELECT number, schedule_id, flow_id, status, owner, fence, released, cancel_reason"
      " FROM runs WHERE id = $1::uuid FOR UPDATE SKIP LOCKED";
  static const std::string kThere = "SELECT 1 FROM runs WHERE id = $1::uuid";
  static const std::string kEnd = end_any_sql("");
  const auto& finish = batch_[i];
  results_[i].written = false;
  const auto found = tx_.exec(kHeld, Params().add(finish.run_id));
  if (found.empty()) {
    if (!tx_.exec(kThere, Params().add(finish.run_id)).empty()) throw LocksFirst{};
    return;
  }
  PgReader row(found, 0);
  const auto number = row.read<std::int64_t>();
  const auto schedule = row.read<std::optional<ScheduleId>>();
  validate_flow(finish, row.read<FlowId>());
  HeldRun held;
  held.status = row.read<RunStatus>();
  held.owner = row.read<std::optional<OwnerId>>();
  held.fence = row.read<std::int64_t>();
  held.released = row.read<bool>();
  held.cancel_reason = row.read<std::string>();
  auto judged = judge_end(held, finish, claimant_, tx_.now());
  results_[i] = std::move(judged.result);
  if (!judged.write) return;
  Finish end = finish;
  end.status = judged.write->status;
  end.reason = judged.write->reason;
  end.available_at = judged.write->available_at;
  const auto ended = tx_.exec(kEnd, any_params(tx_, {&end}, claimant_));
  free_slot(i, end.status, number, schedule);
  ends_[i]->with_attempt = ended.at(0).at("with_attempt").as<bool>();
}

void Ending::put_attempts() {
  static const std::string kPut =
      "INSERT INTO attempts (run, number, started_at, finished_at, outcome, status_code, error)"
      " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[],"
      " $6::bigint[], $7::text[]) ON CONFLICT (run, number) DO UPDATE SET"
      " started_at = excluded.started_at, finished_at = excluded.finished_at,"
      " outcome = excluded.outcome, status_code = excluded.status_code, error = excluded.error";
  static const std::string kNone =
      "DELETE FROM attempts a USING unnest($1::bigint[], $2::bigint[]) AS i(run, number)"
      " WHERE a.run = i.run AND a.number = i.number";
  std::map<std::pair<std::int64_t, int>, const Attempt*> last;
  std::vector<std::pair<std::int64_t, int>> none;  // of claims that were no attempt
  std::vector<const LogEntry*> logs;
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    if (!ends_[i]) continue;
    const std::pair key{ends_[i]->run_number, batch_[i].attempt.number};
    if (!batch_[i].sent) {
      none.push_back(key);
      last.erase(key);  // of a retry before it
    } else if (!ends_[i]->with_attempt) {
      last[key] = &batch_[i].attempt;
    }
    for (const auto& line : batch_[i].logs) logs.push_back(&line);
  }
  insert_logs(tx_, logs);
  if (!none.empty()) {
    Params claims;
    claims.add_each(none, [](auto& each) { return each.first; });
    claims.add_each(none, [](auto& each) { return each.second; });
    tx_.exec(kNone, claims);
  }
  if (last.empty()) return;
  Params params;
  params.add_each(last, [](auto& each) { return each.first.first; });
  params.add_each(last, [](auto& each) { return each.first.second; });
  params.add_each(last, [](auto& each) { return each.second->started_at; });
  params.add_each(last, [](auto& each) { return each.second->finished_at; });
  params.add_each(last, [](auto& each) -> const std::string& { return each.second->outcome; });
  params.add_each(last, [](auto& each) { return each.second->status_code; });
  params.add_each(last, [](auto& each) -> const std::string& { return each.second->error; });
  tx_.exec(kPut, params);
}

// Each end in order lets the oldest waiting run of its schedule go, when there is room: the slots
// of the ends that come after it in the batch still count.
void Ending::release() {
  static const std::string kWithWaiting =
      "SELECT DISTINCT schedule_id FROM incomplete_runs WHERE schedule_id = ANY($1::uuid[])"
      " AND status = 'waiting' ORDER BY schedule_id";
  static const std::string kLock =
      "SELECT id FROM schedule_states WHERE id = ANY($1::uuid[]) ORDER BY id"
      " FOR UPDATE SKIP LOCKED";
  static const std::string kGone =
      "SELECT count(*) FROM schedule_states WHERE id = ANY($1::uuid[])";
  static const std::string kReleased = "UPDATE runs SET released = true WHERE id = ANY($1::uuid[])";
  std::map<ScheduleId, std::vector<std::size_t>> ends;
  for (std::size_t i = 0; i < ends_.size(); ++i)
    if (ends_[i] && ends_[i]->schedule_id) ends[*ends_[i]->schedule_id].push_back(i);
  if (ends.empty()) return;
  Params schedules;
  schedules.add_each(ends, [](auto& each) { return each.first; });
  // After the rows of the runs are locked, by a statement of its own: a settlement that made a run
  // wait for one of them was committed before, or will see that it ended.
  const auto ids = read_values<ScheduleId>(tx_.exec(kWithWaiting, schedules));
  if (ids.empty()) return;
  const auto locked = tx_.exec(kLock, Params().add_all(ids));
  const auto there = tx_.exec(kGone, Params().add_all(ids));
  if (PgReader(there, 0).read<std::size_t>() > locked.size()) throw LocksFirst{};
  auto queues = read_queues(tx_, ids);
  std::vector<RunId> overlapping;
  for (const auto& [id, queue] : queues)
    if (queue.overlaps())
      for (const auto i : ends[id]) overlapping.push_back(batch_[i].run_id);
  auto due = read_due(tx_, overlapping);
  std::vector<RunId> freed;
  std::vector<RunId> by;
  for (auto& [id, queue] : queues) {
    for (const auto i : ends[id]) queue.add_holding(due[batch_[i].run_id]);
    for (const auto i : ends[id]) {
      const auto next = queue.end(due[batch_[i].run_id]);
      if (!next) continue;
      freed.push_back(*next);
      by.push_back(batch_[i].run_id);
      results_[i].released = true;
      // What was said twice in one batch is answered twice.
      for (auto again = i + 1; again < batch_.size(); ++again)
        if (!ends_[again] && results_[again].written && batch_[again].run_id == by.back())
          results_[again].released = true;
    }
  }
  release_runs(tx_, freed);
  if (!by.empty()) tx_.exec(kReleased, Params().add_all(by));
}

void Ending::lock_all() {
  static const std::string kSchedules =
      "SELECT id FROM schedule_states WHERE id IN"
      " (SELECT schedule_id FROM runs WHERE id = ANY($1::uuid[])) ORDER BY id FOR UPDATE";
  static const std::string kRuns =
      "SELECT id FROM runs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE";
  Params params;
  params.add_each(batch_, [](const Finish& finish) { return finish.run_id; });
  tx_.exec(kSchedules, params);
  tx_.exec(kRuns, params);
}

std::vector<FinishResult> Ending::run(bool locks_first) {
  if (locks_first) lock_all();
  std::vector<std::size_t> others;
  end_held(others);
  for (const auto i : others) end_other(i);
  put_attempts();
  release();
  return std::move(results_);
}

}  // namespace

std::vector<FinishResult> PostgresStore::finish(const std::vector<Finish>& batch,
                                                const Claimant& claimant,
                                                Timestamp now) {
  validate(batch);
  if (batch.empty()) return {};
  const auto attempt = [&](bool locks_first) {
    return connection_->write(now,
                              [&](Tx& tx) { return Ending(tx, batch, claimant).run(locks_first); });
  };
  // The second time a row can still be missing: of a schedule that was deleted and made anew
  // between.
  for (int tries = 0; tries < kLocksFirstMax; ++tries) {
    try {
      return attempt(tries > 0);
    } catch (const LocksFirst&) {
    }
  }
  throw StoreError(StoreError::Kind::unavailable,
                   "store " + connection_->shown() + ": rows of the runs that ended are locked by" +
                       " others again and again; tried again");
}

}  // namespace rruled::store
