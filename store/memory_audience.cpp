#include "store/memory_audience.h"

#include "store/run_rules.h"

#include <algorithm>

namespace rruled::store {

std::unique_ptr<Audience> MemoryStore::audience() {
  return std::make_unique<MemoryAudience>(*this);
}

// ---- Persons ------------------------------------------------------------------------------------

PersonsPut MemoryAudience::put_persons(const std::vector<PersonPut>& persons,
                                       const AuditEntry& entry,
                                       Timestamp now) {
  validate(persons);
  PersonsPut result;
  for (const auto& [name, put] : by_name(persons)) {
    const auto known = store_.person_ids_.find(name);
    const bool created = known == store_.person_ids_.end();
    const auto id = created ? put->person.id : known->second;
    store_.person_ids_[name] = id;
    auto& row = store_.persons_[{name.first, id}];
    const auto created_at = created ? now : row.person.created_at;
    if (created || !put->keep) row = {put->person, put->values};
    row.person.id = id;
    row.person.created_at = created_at;
    row.person.updated_at = now;
    ++(created ? result.created : result.updated);
  }
  store_.audit_.push_back(entry);
  return result;
}

Page<Person> MemoryAudience::persons(const PersonQuery& query, PageRange range) {
  Page<Person> page;
  for (const auto& [key, row] : store_.persons_) {
    if (key.first != query.project_id || (query.id && key.second != *query.id)) continue;
    if (query.distinct_id && row.person.distinct_id != *query.distinct_id) continue;
    if (page.count >= range.offset && page.rows.size() < range.limit)
      page.rows.push_back(row.person);
    ++page.count;
  }
  return page;
}

std::optional<AudienceSize> MemoryAudience::size(std::int64_t project_id,
                                                 const PersonFilter& filter,
                                                 const GoOn& go_on) {
  const PersonMatcher matcher(filter);
  AudienceSize size;
  for (const auto& [key, row] : store_.persons_) {
    if (key.first != project_id) continue;
    if (size.total > 0 && go_on && !go_on()) return std::nullopt;
    ++size.total;
    if (matcher.matches(row.values)) ++size.affected;
  }
  return size;
}

// ---- Spreading ----------------------------------------------------------------------------------

MemoryStore::RunRow* MemoryAudience::claimed(const JobClaim& claim) {
  store_.check_epoch(claim.claimant);
  const auto found = store_.runs_.find(claim.run_id);
  if (found == store_.runs_.end()) return nullptr;
  const Run& run = found->second.run;
  const bool held = run.status == RunStatus::dispatching && run.fence == claim.fence &&
                    run.owner == claim.claimant.owner;
  return held ? &found->second : nullptr;
}

std::optional<Job> MemoryAudience::open_job(const JobClaim& claim, Timestamp now) {
  const auto* row = claimed(claim);
  if (row == nullptr) return std::nullopt;
  auto& job = store_.jobs_[claim.run_id];
  if (job.run_id != claim.run_id || job.state == JobState::ended)
    job = {.run_id = claim.run_id,
           .trigger_config = store_.flows_.at(row->run.flow_id).trigger,
           .opened_at = now};
  store_.runs_.at(claim.run_id).run.start_before.reset();  // it has begun
  heed_wish(row->run, job);
  return job;
}

FanOutPage MemoryAudience::read_page(const FanOut& request, const Run& run, const Job& job) const {
  const PersonMatcher matcher(request.filter);
  FanOutPage page;
  std::size_t looked = 0;
  const auto& all = store_.persons_;
  auto it = job.cursor ? all.upper_bound({run.project_id, *job.cursor})
                       : all.lower_bound({run.project_id, PersonId{}});
  for (; it != all.end() && it->first.first == run.project_id; ++it) {
    const bool full = page.matched.size() == page_size(request, job);
    if (looked > 0 && ends_page(request, looked, full)) {
      page.looked_to = std::prev(it)->first.second;
      break;
    }
    ++looked;
    if (matcher.matches(it->second.values)) page.matched.push_back(it->second.person);
  }
  return page;
}

void MemoryAudience::set_running(MemoryStore::RunRow& row, Job& job, Timestamp now) {
  job.state = JobState::spread;
  row.attempts.push_back({.run_id = job.run_id,
                          .number = row.run.attempts,
                          .started_at = row.claimed_at,
                          .finished_at = now,
                          .outcome = "completed",
                          .status_code = {},
                          .error = {}});
  store_.change(row, [&](Run& run) {
    run.status = RunStatus::running;
    run.available_at.reset();
    if (!run.started_at) run.started_at = row.claimed_at;
  });
  store_.logs_.push_back(spread_line(job, row.run.flow_id, now));
}

FannedOut MemoryAudience::fan_out(const FanOut& request,
                                  const MakeChild& make_child,
                                  Timestamp now) {
  auto* row = claimed(request.claim);
  const auto found = store_.jobs_.find(request.claim.run_id);
  if (row == nullptr || found == store_.jobs_.end()) return {.kind = FannedOut::Kind::lost};
  const Run run = row->run;
  Job job = found->second;
  FannedOut result;
  const Flow& flow = store_.flows_.at(run.flow_id);
  const bool fires = flow.status == FlowStatus::active && flow.trigger_type == "batch";
  std::optional<LookedPage> looked;
  if (!job.ending && fires) looked = {job.cursor, read_page(request, run, job)};
  const auto persons = plan_page(std::move(looked), fires, request, job);
  std::vector<Run> children;
  for (const auto& person : persons.value()) children.push_back(make_child(person, now));
  for (const auto& child : children) validate_child(child, run);
  for (auto& child : children) {
    if (store_.stored_run(child) != nullptr) continue;
    store_.add_run(std::move(child), now);
    ++result.added;
  }
  if (job.state == JobState::spread) {
    result.kind = FannedOut::Kind::spread;
    set_running(store_.runs_.at(run.id), job, now);
  }
  store_.saw(now);
  found->second = job;
  result.job = std::move(job);
  return result;
}

// ---- Ends ---------------------------------------------------------------------------------------

ChildCounts MemoryAudience::counts_of(RunId job) const {
  ChildCounts counts;
  const auto found = store_.children_.find(ParentId{job.value});
  if (found == store_.children_.end()) return counts;
  for (const auto& [status, runs] : found->second) count(counts, status, runs);
  return counts;
}

std::size_t MemoryAudience::cancel_children(const Job& job, std::size_t limit, Timestamp now) {
  std::set<RunId> unsent;
  for (const auto& [id, row] : store_.runs_)
    if (row.run.parent_id == ParentId{job.run_id.value} &&
        (row.run.status == RunStatus::waiting || is_claimable(row.run.status)))
      unsent.insert(id);
  std::size_t cancelled = 0;
  for (const auto id : unsent) {
    if (cancelled == limit) return cancelled;
    ++cancelled;
    store_.change(store_.runs_.at(id), [&](Run& run) {
      run.status = RunStatus::cancelled;
      run.reason = word(RunReason::job_ended);
      run.available_at.reset();
      run.finished_at = now;
    });
  }
  return cancelled;
}

std::optional<EndedJob> MemoryAudience::end_one(Job& job,
                                                const EndJobs& request,
                                                Timestamp now,
                                                EndedJobs& result) {
  auto& row = store_.runs_.at(job.run_id);
  const bool by_others = is_final(row.run.status);
  if (!by_others && row.run.status != RunStatus::running) return std::nullopt;
  if (by_others || job.ending) result.cancelled += cancel_children(job, request.cancel, now);
  const auto counts = counts_of(job.run_id);
  if (counts.unsent > 0 || counts.sent > 0) return std::nullopt;
  job.state = JobState::ended;
  job.done = counts.done;
  job.failed = counts.failed;
  if (by_others) return std::nullopt;
  const auto end = end_of(job, row.run.flow_id, counts, now);
  store_.change(row, [&](Run& run) {
    run.status = end.status;
    run.reason = end.reason;
    run.error = end.error;
    run.finished_at = now;
  });
  store_.logs_.push_back(end.line);
  store_.saw(now);
  EndedJob ended{row.run, job};
  if (!row.run.schedule_id) return ended;
  const auto schedule = store_.schedules_.find(*row.run.schedule_id);
  if (schedule != store_.schedules_.end())
    ended.released = store_.release_one(
        schedule->first, static_cast<std::size_t>(schedule->second.max_running), now);
  row.released = ended.released;
  if (ended.released) store_.runs_revision_ = ++store_.revision_;
  return ended;
}

EndedJobs MemoryAudience::end_jobs(const EndJobs& request, Timestamp now) {
  EndedJobs result;
  std::erase_if(store_.jobs_, [&](const auto& each) { return !store_.runs_.contains(each.first); });
  auto it = request.only    ? store_.jobs_.find(*request.only)
            : request.after ? store_.jobs_.upper_bound(*request.after)
                            : store_.jobs_.begin();
  std::size_t looked = 0;
  std::optional<RunId> last;
  for (; it != store_.jobs_.end(); ++it) {
    if (request.only && it->first != *request.only) break;
    Job& job = it->second;
    if (job.state == JobState::ended) continue;
    if (looked++ == request.limit) {
      result.next = last;
      break;
    }
    last = it->first;
    if (auto ended = end_one(job, request, now, result)) result.ended.push_back(std::move(*ended));
    if (job.state != JobState::ended) ++result.open;
  }
  return result;
}

std::vector<JobProgress> MemoryAudience::progress(const std::vector<RunId>& ids) {
  std::vector<JobProgress> all;
  for (const Job& job : jobs(ids)) {
    auto counts = counts_of(job.run_id);
    if (job.state == JobState::ended) counts = {.done = job.done, .failed = job.failed};
    all.push_back(progress_of(job, counts));
  }
  return all;
}

std::vector<Job> MemoryAudience::jobs(const std::vector<RunId>& ids) {
  std::vector<Job> all;
  for (const auto id : ids) {
    const auto found = store_.jobs_.find(id);
    if (found != store_.jobs_.end() && store_.runs_.contains(id)) all.push_back(found->second);
  }
  return all;
}

CancelResult MemoryAudience::cancel_job(RunId id,
                                        const std::string& reason,
                                        const std::optional<AuditEntry>& entry,
                                        Timestamp) {
  const auto found = store_.jobs_.find(id);
  const auto row = store_.runs_.find(id);
  if (found == store_.jobs_.end() || row == store_.runs_.end()) return CancelResult::missing;
  const auto status = row->second.run.status;
  if (is_final(status)) return CancelResult::ended;
  // Of before its replay.
  if (found->second.state == JobState::ended) return CancelResult::missing;
  if (status != RunStatus::dispatching && status != RunStatus::running)
    return CancelResult::under_way;
  found->second.ending = RunStatus::cancelled;
  found->second.reason = reason;
  if (entry) store_.audit_.push_back(*entry);
  return CancelResult::cancelled;
}

}  // namespace rruled::store
