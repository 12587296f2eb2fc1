#include "store/audience_columns.h"
#include "store/postgres_audience.h"
#include "store/postgres_rows.h"
#include "store/postgres_runs.h"

#include <set>

namespace rruled::store {
namespace {

std::optional<Run> claimed(Tx& tx, const JobClaim& claim) {
  static const std::string kClaimed = "SELECT " + pg_columns<Run>() + " FROM " + pg_rows<Run>() +
                                      " WHERE id = $1::uuid AND " + kPgPlainStatus +
                                      " = 'dispatching' AND fence = $2::bigint"
                                      " AND owner = $3::uuid FOR UPDATE";
  Params params;
  params.add(claim.run_id).add(claim.fence).add(claim.claimant.owner);
  auto rows = read_table<Run>(tx.exec(kClaimed, params));
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

std::optional<Job> lock_job(Tx& tx, RunId id) {
  static const std::string kJob =
      "SELECT " + pg_columns<Job>() + " FROM jobs WHERE run_id = $1::uuid FOR UPDATE";
  auto rows = read_table<Job>(tx.exec(kJob, Params().add(id)));
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

void put_job(Tx& tx, const Job& job) {
  static const std::string kPut = [] {
    std::string sets;
    const Job row{};
    visit_columns(row, [&](std::string_view column, const auto&) {
      if (column == "run_id") return;
      sets.append(sets.empty() ? "" : ", ").append(column).append(" = excluded.").append(column);
    });
    return pg_insert<Job>() + " ON CONFLICT (run_id) DO UPDATE SET " + sets;
  }();
  tx.exec(kPut, Params().add_rows<Job>({&job}));
}

bool fires(Tx& tx, FlowId id) {
  static const std::string kFires =
      "SELECT 1 FROM flows WHERE id = $1::uuid AND status = 'active' AND trigger_type = 'batch'";
  return !tx.exec(kFires, Params().add(id)).empty();
}

// Absent: nothing was to be looked at. Locks nothing: whose claim it is, and where the job is, is
// looked at again by what writes.
std::optional<LookedPage> look(Tx& tx, const FanOut& request) {
  static const std::string kRun =
      "SELECT project_id, flow_id FROM runs WHERE id = $1::uuid AND fence = $2::bigint";
  static const std::string kJob =
      "SELECT " + pg_columns<Job>() + " FROM jobs WHERE run_id = $1::uuid";
  const auto& claim = request.claim;
  const auto run = tx.exec(kRun, Params().add(claim.run_id).add(claim.fence));
  const auto jobs = read_table<Job>(tx.exec(kJob, Params().add(claim.run_id)));
  if (run.empty() || jobs.empty() || jobs.front().ending) return std::nullopt;
  PgReader row(run, 0);
  const auto project_id = row.read<std::int64_t>();
  if (!fires(tx, row.read<FlowId>())) return std::nullopt;
  return LookedPage{jobs.front().cursor, read_audience_page(tx, request, project_id, jobs.front())};
}

void set_running(Tx& tx, const Run& run, const Job& job) {
  static const std::string kAttempt =
      "INSERT INTO attempts (run, number, started_at, finished_at, outcome, error)"
      " SELECT number, attempts, claimed_at, $2::bigint, 'completed', '' FROM runs"
      " WHERE id = $1::uuid ON CONFLICT (run, number) DO UPDATE SET"
      " finished_at = excluded.finished_at, outcome = excluded.outcome, error = ''";
  static const std::string kRunning =
      "UPDATE runs SET status = 'running', available_at = NULL, claimed_until = NULL,"
      " started_at = coalesce(started_at, claimed_at) WHERE id = $1::uuid";
  tx.exec(kAttempt, Params().add(run.id).add(tx.now()));
  tx.exec(kRunning, Params().add(run.id));
  const LogEntry line = spread_line(job, run.flow_id, tx.now());
  insert_logs(tx, {&line});
}

std::vector<Job> known_jobs(Tx& tx, const std::vector<RunId>& ids) {
  static const std::string kJobs =
      "SELECT " + pg_columns<Job>() + " FROM jobs WHERE run_id = ANY($1::uuid[])";
  std::map<RunId, Job> known;
  for (auto& job : read_table<Job>(tx.exec(kJobs, Params().add_all(ids))))
    known.emplace(job.run_id, std::move(job));
  std::vector<Job> jobs;
  for (const auto id : ids)
    if (const auto found = known.find(id); found != known.end()) jobs.push_back(found->second);
  return jobs;
}

ChildCounts counts_of(Tx& tx, RunId job) {
  static const std::string kCounts =
      "SELECT status, count(*) FROM incomplete_runs WHERE parent_id = $1::uuid GROUP BY status"
      " UNION ALL SELECT 'completed', (SELECT count(*) FROM runs WHERE parent_id = $1::uuid)"
      "  - (SELECT count(*) FROM incomplete_runs WHERE parent_id = $1::uuid)";
  ChildCounts counts;
  for_each_row(tx.exec(kCounts, Params().add(job)), [&](PgReader& row) {
    const auto status = row.read<RunStatus>();
    count(counts, status, row.read<std::int64_t>());
  });
  return counts;
}

// One step down incomplete_by_parent for each status: with the words in the text, PostgreSQL would
// take a partial index for it, which has the live runs of everybody.
bool any_live_child(Tx& tx, RunId job) {
  static const std::string kAny =
      "SELECT s.status FROM unnest(ARRAY['waiting', 'pending', 'dispatching', 'running',"
      " 'retrying']) AS s(status), LATERAL (SELECT 1 FROM incomplete_runs r WHERE"
      " r.parent_id = $1::uuid"
      " AND r.status = s.status LIMIT 1) AS child LIMIT 1";
  return !tx.exec(kAny, Params().add(job)).empty();
}

std::size_t cancel_children(Tx& tx, RunId job, std::size_t limit) {
  // Waits for nobody: a child that is locked is being claimed, or looked at again at the next call.
  static const std::string kUnsentOf =
      "SELECT r.id FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      " WHERE o.parent_id = $1::uuid AND o.status = (SELECT $2::text)"
      " AND r.status = (SELECT $2::text) LIMIT $3::bigint FOR UPDATE OF r SKIP LOCKED";
  std::size_t cancelled = 0;
  for (const auto status : kUnsentStatuses) {
    Params params;
    params.add(job).add(status).add(pg_limit(limit - cancelled));
    const auto ids = read_values<RunId>(tx.exec(kUnsentOf, params));
    cancel_runs(tx, ids, word(RunReason::job_ended));
    cancelled += ids.size();
  }
  return cancelled;
}

void end_run(Tx& tx, Run& run, const JobEnd& end) {
  static const std::string kEnd =
      "UPDATE runs SET status = $2, reason = $3, error = $4, finished_at = $5::bigint"
      " WHERE id = $1::uuid";
  run.status = end.status;
  run.reason = end.reason;
  run.error = end.error;
  run.finished_at = tx.now();
  Params params;
  params.add(run.id).add(end.status).add(end.reason).add(end.error).add(tx.now());
  tx.exec(kEnd, params);
  insert_logs(tx, {&end.line});
}

// What end_jobs() finds: an open job, and whether there is something to do for it.
struct Open {
  RunId id;
  bool ready = false;
};

std::vector<Open> read_open(Tx& tx, const EndJobs& request) {
  static const std::string kOpen =
      "SELECT j.run_id, j.ending, r.status FROM jobs j JOIN runs r ON r.id = j.run_id"
      " WHERE j.state <> 'ended' AND j.run_id > $1::uuid AND ($2::uuid IS NULL OR j.run_id = "
      "$2::uuid)"
      " ORDER BY j.run_id LIMIT $3::bigint";
  std::vector<Open> open;
  Params params;
  params.add(request.after.value_or(RunId{})).add(request.only).add(pg_limit(request.limit + 1));
  for_each_row(tx.exec(kOpen, params), [&](PgReader& row) {
    auto& each = open.emplace_back();
    each.id = row.read<RunId>();
    const bool ending = row.read<std::optional<RunStatus>>().has_value();
    const auto status = row.read<RunStatus>();
    each.ready = is_final(status) || (status == RunStatus::running && ending);
    if (status == RunStatus::running && !ending) each.ready = !any_live_child(tx, each.id);
  });
  return open;
}

struct Step {
  bool open = true;  // afterwards
  std::size_t cancelled = 0;
  std::optional<EndedJob> ended;
};

Step end_one(Tx& tx, RunId id, const EndJobs& request) {
  const auto max_running = lock_schedule_of(tx, id);
  auto run = lock_run(tx, id);
  auto job = lock_job(tx, id);
  if (!run || !job || job->state == JobState::ended)
    return {.open = false, .cancelled = 0, .ended = {}};
  const bool by_others = is_final(run->status);
  if (!by_others && run->status != RunStatus::running) return {};
  Step step;
  if (by_others || job->ending) step.cancelled = cancel_children(tx, id, request.cancel);
  if (any_live_child(tx, id)) return step;
  const auto counts = counts_of(tx, id);
  job->state = JobState::ended;
  job->done = counts.done;
  job->failed = counts.failed;
  put_job(tx, *job);
  step.open = false;
  if (by_others) return step;
  end_run(tx, *run, end_of(*job, run->flow_id, counts, tx.now()));
  const bool released = max_running && release_after(tx, *run, *max_running);
  step.ended = EndedJob{*run, *job, released};
  return step;
}

}  // namespace

std::optional<Job> PostgresAudience::open_job(const JobClaim& claim, Timestamp now) {
  static const std::string kBegun = "UPDATE runs SET start_before = NULL WHERE id = $1::uuid";
  static const std::string kTrigger = "SELECT trigger_config FROM flows WHERE id = $1::uuid";
  return connection_.write(now, [&](Tx& tx) -> std::optional<Job> {
    const auto run = claimed(tx, claim);
    if (!run) return std::nullopt;
    auto known = lock_job(tx, run->id);
    const bool is_new = !known || known->state == JobState::ended;
    if (!is_new && run->cancel_reason.empty()) return known;
    Job job = is_new ? Job{.run_id = run->id, .trigger_config = {}, .opened_at = tx.now()}
                     : std::move(*known);
    if (is_new) {
      const auto flow = tx.exec(kTrigger, Params().add(run->flow_id));
      if (flow.empty()) return std::nullopt;  // being deleted, with the run
      tx.exec(kBegun, Params().add(run->id));
      job.trigger_config = PgReader(flow, 0).read<std::string>();
    }
    heed_wish(*run, job);
    put_job(tx, job);
    return job;
  });
}

FannedOut PostgresAudience::fan_out(const FanOut& request,
                                    const MakeChild& make_child,
                                    Timestamp now) {
  // Filters may take long, and locks are held as long as the transaction that writes.
  const auto looked = connection_.read([&](Tx& tx) { return look(tx, request); });
  return connection_.write(now, [&](Tx& tx) -> FannedOut {
    const auto run = claimed(tx, request.claim);
    auto job = run ? lock_job(tx, run->id) : std::nullopt;
    if (!job) return {.kind = FannedOut::Kind::lost};
    FannedOut result;
    const auto persons = plan_page(looked, fires(tx, run->flow_id), request, *job);
    if (!persons) {
      result.job = std::move(job);
      return result;
    }
    std::vector<Run> children;
    for (const auto& person : *persons) {
      children.push_back(make_child(person, tx.now()));
      validate_child(children.back(), *run);
    }
    std::vector<const Run*> rows;
    for (const auto& child : children) rows.push_back(&child);
    result.added = insert_runs(tx, rows, milliseconds(0)).size();
    put_job(tx, *job);
    if (job->state == JobState::spread) {
      result.kind = FannedOut::Kind::spread;
      set_running(tx, *run, *job);
    }
    result.job = std::move(job);
    return result;
  });
}

EndedJobs PostgresAudience::end_jobs(const EndJobs& request, Timestamp now) {
  auto open = connection_.read([&](Tx& tx) { return read_open(tx, request); });
  EndedJobs result;
  if (open.size() > request.limit) {
    open.resize(request.limit);
    result.next = open.back().id;
  }
  bool released = false;
  for (const auto& each : open) {
    if (!each.ready) {
      ++result.open;
      continue;
    }
    auto step = connection_.write(now, [&](Tx& tx) { return end_one(tx, each.id, request); });
    result.cancelled += step.cancelled;
    if (step.open) ++result.open;
    if (!step.ended) continue;
    released = released || step.ended->released;
    result.ended.push_back(std::move(*step.ended));
  }
  if (released) tell_afterwards(connection_, now);
  return result;
}

std::vector<JobProgress> PostgresAudience::progress(const std::vector<RunId>& ids) {
  return connection_.read([&](Tx& tx) {
    std::vector<JobProgress> all;
    for (const Job& job : known_jobs(tx, ids)) {
      const auto counts = job.state == JobState::ended
                              ? ChildCounts{.done = job.done, .failed = job.failed}
                              : counts_of(tx, job.run_id);
      all.push_back(progress_of(job, counts));
    }
    return all;
  });
}

std::vector<Job> PostgresAudience::jobs(const std::vector<RunId>& ids) {
  return connection_.read([&](Tx& tx) { return known_jobs(tx, ids); });
}

CancelResult PostgresAudience::cancel_job(RunId id,
                                          const std::string& reason,
                                          const std::optional<AuditEntry>& entry,
                                          Timestamp now) {
  return connection_.write(now, [&](Tx& tx) {
    const auto run = lock_run(tx, id);
    auto job = run ? lock_job(tx, id) : std::nullopt;
    if (!job) return CancelResult::missing;
    if (is_final(run->status)) return CancelResult::ended;
    if (job->state == JobState::ended) return CancelResult::missing;  // of before its replay
    if (run->status != RunStatus::dispatching && run->status != RunStatus::running)
      return CancelResult::under_way;
    job->ending = RunStatus::cancelled;
    job->reason = reason;
    put_job(tx, *job);
    if (entry) insert_audit(tx, {&*entry});
    return CancelResult::cancelled;
  });
}

}  // namespace rruled::store
