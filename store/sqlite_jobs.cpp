#include "store/audience_columns.h"
#include "store/run_rules.h"
#include "store/sqlite_audience.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"

#include <array>
#include <tuple>
#include <utility>

namespace rruled::store {
namespace {

constexpr std::array kSent{RunStatus::dispatching, RunStatus::running};

std::optional<Run> claimed(Connection& connection, const JobClaim& claim) {
  static const std::string kClaimed =
      "SELECT " + column_list<Run>() +
      " FROM runs WHERE id = ? AND status = 'dispatching' AND fence = ? AND owner = ?";
  check_epoch(connection, claim.claimant);
  Query query(connection, kClaimed);
  query.bind(claim.run_id).bind(claim.fence).bind(claim.claimant.owner);
  if (!query.step()) return std::nullopt;
  return read_row<Run>(query);
}

std::optional<Job> read_job(Connection& connection, RunId id) {
  static const std::string kJob = "SELECT " + column_list<Job>() + " FROM jobs WHERE run_id = ?";
  Query query(connection, kJob);
  if (!query.bind(id).step()) return std::nullopt;
  return read_row<Job>(query);
}

std::vector<Job> read_jobs(Connection& connection, const std::vector<RunId>& ids) {
  std::vector<Job> jobs;
  for (const auto id : ids)
    if (auto job = read_job(connection, id)) jobs.push_back(std::move(*job));
  return jobs;
}

void put_job(Connection& connection, const Job& job) {
  static const std::string kPut = "INSERT OR REPLACE INTO jobs (" + column_list<Job>() +
                                  ") VALUES (" + parameter_list<Job>() + ")";
  Query query(connection, kPut);
  bind_row(query, job);
  query.run();
}

bool fires(Connection& connection, FlowId id) {
  static const std::string kFires =
      "SELECT 1 FROM flows WHERE id = ? AND status = 'active' AND trigger_type = 'batch'";
  return Query(connection, kFires).bind(id).step();
}

void set_running(Connection& connection, const Run& run, const Job& job, Timestamp now) {
  static const std::string kAttempt =
      "INSERT OR REPLACE INTO attempts (run, number, started_at, finished_at, outcome, error)"
      " SELECT number, attempts, claimed_at, ?, 'completed', '' FROM runs WHERE id = ?";
  static const std::string kRunning =
      "UPDATE runs SET status = 'running', available_at = NULL,"
      " started_at = coalesce(started_at, claimed_at) WHERE id = ?";
  Query(connection, kAttempt).bind(now).bind(run.id).run();
  Query(connection, kRunning).bind(run.id).run();
  insert_logs(connection, {spread_line(job, run.flow_id, now)});
}

bool any_child(Connection& connection, RunId job, RunStatus status) {
  static const std::string kAny =
      "SELECT 1 FROM runs INDEXED BY runs_by_parent WHERE parent_id = ? AND status = ? LIMIT 1";
  return Query(connection, kAny).bind(job).bind(status).step();
}

bool any_live_child(Connection& connection, RunId job) {
  for (const auto status : kUnsentStatuses)
    if (any_child(connection, job, status)) return true;
  for (const auto status : kSent)
    if (any_child(connection, job, status)) return true;
  return false;
}

ChildCounts counts_of(Connection& connection, RunId job) {
  static const std::string kCounts =
      "SELECT status, count(*) FROM runs INDEXED BY runs_by_parent WHERE parent_id = ?"
      " GROUP BY status";
  ChildCounts counts;
  Query query(connection, kCounts);
  query.bind(job);
  while (query.step()) {
    const auto status = query.read<RunStatus>();
    count(counts, status, query.read<std::int64_t>());
  }
  return counts;
}

std::size_t cancel_children(Connection& connection, RunId job, std::size_t limit, Timestamp now) {
  static const std::string kCancel =
      "UPDATE runs SET status = 'cancelled', reason = ?, available_at = NULL,"
      " finished_at = ? WHERE number IN (SELECT number FROM runs INDEXED BY runs_by_parent"
      " WHERE parent_id = ? AND status = ? LIMIT ?)";
  std::size_t cancelled = 0;
  for (const auto status : kUnsentStatuses) {
    Query query(connection, kCancel);
    query.bind(RunReason::job_ended).bind(now).bind(job).bind(status).bind(limit - cancelled);
    cancelled += static_cast<std::size_t>(query.run());
  }
  return cancelled;
}

Run end_run(Connection& connection, RunId id, const JobEnd& end, Timestamp now) {
  static const std::string kEnd =
      "UPDATE runs SET status = ?, reason = ?, error = ?, finished_at = ? WHERE id = ? RETURNING " +
      column_list<Run>();
  Query query(connection, kEnd);
  query.bind(end.status).bind(end.reason).bind(end.error).bind(now).bind(id).step();
  return read_row<Run>(query);
}

std::optional<RunStatus> status_of(Connection& connection, RunId id) {
  static const std::string kStatus = "SELECT status FROM runs WHERE id = ?";
  Query query(connection, kStatus);
  if (!query.bind(id).step()) return std::nullopt;
  return query.read<RunStatus>();
}

// `job` is open before, and afterwards when it could not be ended yet.
std::optional<EndedJob> end_one(Connection& connection,
                                Job& job,
                                const EndJobs& request,
                                Timestamp now,
                                std::size_t& cancelled) {
  const auto status = status_of(connection, job.run_id);
  if (!status) return std::nullopt;
  const bool by_others = is_final(*status);
  if (!by_others && *status != RunStatus::running) return std::nullopt;
  if (by_others || job.ending)
    cancelled += cancel_children(connection, job.run_id, request.cancel, now);
  if (any_live_child(connection, job.run_id)) return std::nullopt;
  const auto counts = counts_of(connection, job.run_id);
  job.state = JobState::ended;
  job.done = counts.done;
  job.failed = counts.failed;
  put_job(connection, job);
  saw(connection, now);
  if (by_others) return std::nullopt;
  static const std::string kFlow = "SELECT flow_id FROM runs WHERE id = ?";
  FlowId flow;
  {
    Query query(connection, kFlow);
    query.bind(job.run_id).step();
    flow = query.read<FlowId>();
  }
  const auto end = end_of(job, flow, counts, now);
  EndedJob ended{end_run(connection, job.run_id, end, now), job};
  insert_logs(connection, {end.line});
  ended.released = release_after(connection, ended.run.id, ended.run.schedule_id, now);
  if (ended.released) tell_of_runs(connection);
  return ended;
}

}  // namespace

std::optional<Job> SqliteAudience::open_job(const JobClaim& claim, Timestamp now) {
  static const std::string kTrigger = "SELECT trigger_config FROM flows WHERE id = ?";
  static const std::string kBegun = "UPDATE runs SET start_before = NULL WHERE id = ?";
  return connection_->write([&]() -> std::optional<Job> {
    const auto run = claimed(*connection_, claim);
    if (!run) return std::nullopt;
    auto known = read_job(*connection_, run->id);
    const bool is_new = !known || known->state == JobState::ended;
    if (!is_new && run->cancel_reason.empty()) return known;
    Job job =
        is_new ? Job{.run_id = run->id, .trigger_config = {}, .opened_at = now} : std::move(*known);
    if (is_new) {
      Query(*connection_, kBegun).bind(run->id).run();
      Query query(*connection_, kTrigger);
      query.bind(run->flow_id).step();
      job.trigger_config = query.read<std::string>();
    }
    heed_wish(*run, job);
    put_job(*connection_, job);
    saw(*connection_, now);
    return job;
  });
}

std::optional<LookedPage> SqliteAudience::look(const FanOut& request) {
  return connection_->read([&]() -> std::optional<LookedPage> {
    const auto run = claimed(*connection_, request.claim);
    const auto job = run ? read_job(*connection_, run->id) : std::nullopt;
    if (!job || job->ending || !fires(*connection_, run->flow_id)) return std::nullopt;
    return LookedPage{job->cursor, read_page(request, *run, *job)};
  });
}

FannedOut SqliteAudience::fan_out(const FanOut& request,
                                  const MakeChild& make_child,
                                  Timestamp now) {
  // Filters may take long, and nobody else may write as long as this one does.
  auto looked = look(request);
  return connection_->write([&]() -> FannedOut {
    const auto run = claimed(*connection_, request.claim);
    auto job = run ? read_job(*connection_, run->id) : std::nullopt;
    if (!job) return {.kind = FannedOut::Kind::lost};
    FannedOut result;
    const bool flow_fires = fires(*connection_, run->flow_id);
    const auto persons = plan_page(std::move(looked), flow_fires, request, *job);
    if (!persons) {
      result.job = std::move(job);
      return result;
    }
    for (const auto& person : *persons) {
      const Run child = make_child(person, now);
      validate_child(child, *run);
      if (insert_run(*connection_, child, now)) ++result.added;
    }
    count_runs(*connection_, result.added);
    put_job(*connection_, *job);
    if (job->state == JobState::spread) {
      result.kind = FannedOut::Kind::spread;
      set_running(*connection_, *run, *job, now);
    }
    saw(*connection_, now);
    result.job = std::move(job);
    return result;
  });
}

EndedJobs SqliteAudience::end_jobs(const EndJobs& request, Timestamp now) {
  static const std::string kOpen = "SELECT " + column_list<Job>() +
                                   " FROM jobs INDEXED BY jobs_open WHERE state <> 'ended'"
                                   " AND run_id > ? ORDER BY run_id LIMIT ?";
  std::vector<Job> open;
  if (request.only) {
    connection_->guarded([&] {
      auto job = read_job(*connection_, *request.only);
      if (job && job->state != JobState::ended) open.push_back(std::move(*job));
    });
  } else {
    connection_->guarded([&] {
      const RunId after = request.after.value_or(RunId{});
      Query query(*connection_, kOpen);
      query.bind(after).bind(request.limit + 1);
      open = read_rows<Job>(query);
    });
  }
  EndedJobs result;
  if (open.size() > request.limit) {
    open.resize(request.limit);
    result.next = open.back().run_id;
  }
  for (auto& each : open) {
    auto ended = store_.connection().write([&]() -> std::optional<EndedJob> {
      auto job = read_job(*connection_, each.run_id);  // as it is now
      each.state = JobState::ended;
      if (!job || job->state == JobState::ended) return std::nullopt;
      auto end = end_one(*connection_, *job, request, now, result.cancelled);
      each = *job;
      return end;
    });
    if (each.state != JobState::ended) ++result.open;
    if (ended) result.ended.push_back(std::move(*ended));
  }
  return result;
}

std::vector<JobProgress> SqliteAudience::progress(const std::vector<RunId>& ids) {
  return connection_->read([&] {
    std::vector<JobProgress> all;
    for (const Job& job : read_jobs(*connection_, ids)) {
      const auto counts = job.state == JobState::ended
                              ? ChildCounts{.done = job.done, .failed = job.failed}
                              : counts_of(*connection_, job.run_id);
      all.push_back(progress_of(job, counts));
    }
    return all;
  });
}

std::vector<Job> SqliteAudience::jobs(const std::vector<RunId>& ids) {
  return connection_->read([&] { return read_jobs(*connection_, ids); });
}

CancelResult SqliteAudience::cancel_job(RunId id,
                                        const std::string& reason,
                                        const std::optional<AuditEntry>& entry,
                                        Timestamp) {
  return connection_->write([&] {
    auto job = read_job(*connection_, id);
    const auto status = status_of(*connection_, id);
    if (!job || !status) return CancelResult::missing;
    if (is_final(*status)) return CancelResult::ended;
    if (job->state == JobState::ended) return CancelResult::missing;  // of before its replay
    if (*status != RunStatus::dispatching && *status != RunStatus::running)
      return CancelResult::under_way;
    job->ending = RunStatus::cancelled;
    job->reason = reason;
    put_job(*connection_, *job);
    if (entry) insert_audit(*connection_, *entry);
    return CancelResult::cancelled;
  });
}

}  // namespace rruled::store
