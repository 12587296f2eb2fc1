#include "daemon/core/job_desk.h"

#include "daemon/core/alarm.h"
#include "daemon/core/child_run.h"
#include "daemon/core/property_filter.h"

#include <algorithm>
#include <utility>

namespace rruled::core {
namespace {

constexpr std::size_t kEndMax = 1'000;
// Some four minutes: what passes by itself in that time fails no job.
constexpr int kFaultsMax = 10;
constexpr std::chrono::milliseconds kFaultWait{1'000};  // after the first one; then twice as long
constexpr std::chrono::milliseconds kFaultWaitMax{60'000};

Notice spread_notice(store::Run run, const store::Job& job, Timestamp now) {
  auto line = store::spread_line(job, run.flow_id, now);
  return {.kind = Notice::Kind::job_spread,
          .run = std::move(run),
          .text = std::move(line.message),
          .level = line.level};
}

Notice end_notice(store::EndedJob ended) {
  Report report;
  if (ended.run.status == store::RunStatus::failed) report.kind = Report::Kind::failed;
  report.error = ended.run.error;
  const auto status = ended.run.status;
  return {.kind = Notice::Kind::run_ended,
          .run = std::move(ended.run),
          .report = std::move(report),
          .status = status};
}

}  // namespace

void JobDesk::set_executors(const JobOptions& options, Timestamp now) {
  options_.executors = options.executors;
  options_.max_audience = options.max_audience;
  if (!options_.executors.empty() && !end_at_) end_at_ = now;
}

bool JobDesk::takes(const store::Run& run) const {
  return run.kind == store::RunKind::batch_job && options_.executors.contains(run.executor);
}

void JobDesk::add(store::Run run) { waiting_.push_back(std::move(run)); }

std::size_t JobDesk::waiting_for(const std::string& executor) const {
  const auto failing = std::ranges::count_if(spreading_, [&](const Spreading& job) {
    return job.faults > 0 && job.run.executor == executor;
  });
  return static_cast<std::size_t>(
      failing +
      std::ranges::count(waiting_, executor, [](const auto& run) { return run.executor; }));
}

void JobDesk::each_run(const std::function<void(const store::Run&)>& visit) const {
  for (const auto& run : waiting_) visit(run);
  for (const auto& job : spreading_) visit(job.run);
}

// ---- Actions ------------------------------------------------------------------------------------

void JobDesk::step(Timestamp now, bool draining, std::vector<Action>& actions) {
  if (draining) return;
  while (!waiting_.empty() && has_room(now)) {
    spreading_.push_back({.run = std::move(waiting_.front())});
    waiting_.pop_front();
  }
  if (!busy_) next_turn(now, actions);
  if (!ending_ && end_at_ && Alarm{*end_at_}.is_due(now, options_.end_at_least_every)) {
    ending_ = true;
    end_at_.reset();
    actions.emplace_back(LookAtJobs{{.after = end_after_, .limit = kEndMax}});
  }
}

bool JobDesk::rests(const Spreading& job, Timestamp now) {
  return !Alarm{job.again_at}.is_due(now, kFaultWaitMax);
}

bool JobDesk::has_room(Timestamp now) const {
  const auto taken =
      std::ranges::count_if(spreading_, [&](const auto& job) { return !rests(job, now); });
  return static_cast<std::size_t>(taken) < options_.spread_max;
}

void JobDesk::next_turn(Timestamp now, std::vector<Action>& actions) {
  const auto next =
      std::ranges::find_if(spreading_, [&](const auto& job) { return !rests(job, now); });
  if (next == spreading_.end()) return;
  std::rotate(spreading_.begin(), next, next + 1);
  busy_ = true;
  const Spreading& job = spreading_.front();
  if (!job.filter) {
    actions.emplace_back(OpenJob{job.run.id, job.run.fence});
    return;
  }
  FanOutPage page;
  page.run_id = job.run.id;
  page.fence = job.run.fence;
  page.request.filter = *job.filter;
  page.request.page = options_.page;
  page.request.look_at = options_.look_at;
  page.request.max_audience = options_.max_audience;
  page.make_child = ChildMaker(job.run);
  actions.emplace_back(std::move(page));
}

std::optional<Timestamp> JobDesk::next_wake(Timestamp now, bool draining) const {
  if (draining) return std::nullopt;
  auto wake = next_turn_at(now);
  if (!ending_ && end_at_) wake = std::min(wake.value_or(*end_at_), *end_at_);
  return wake;
}

std::optional<Timestamp> JobDesk::next_turn_at(Timestamp now) const {
  if (busy_) return std::nullopt;
  if (!waiting_.empty() && has_room(now)) return now;
  std::optional<Timestamp> next;
  for (const auto& job : spreading_) {
    const Timestamp turn = rests(job, now) ? job.again_at : now;
    next = std::min(next.value_or(turn), turn);
  }
  return next;
}

// ---- Completions --------------------------------------------------------------------------------

std::optional<JobDesk::Spreading> JobDesk::take_busy() {
  busy_ = false;
  Spreading job = std::move(spreading_.front());
  spreading_.pop_front();
  if (job.lost) return std::nullopt;
  return job;
}

JobDesk::Outcome JobDesk::take(JobOpened opened, Timestamp) {
  Outcome outcome;
  auto job = take_busy();
  if (!job) return outcome;
  if (!opened.job) {
    outcome.notices.push_back({.kind = Notice::Kind::run_fenced, .run = std::move(job->run)});
    return outcome;
  }
  auto filter = trigger_audience(opened.job->trigger_config, opened.job->opened_at);
  if (!filter) {
    outcome.failed.emplace(
        std::move(job->run),
        "the flow's filters cannot be used: " + filter.error().attr + ": " + filter.error().detail);
    return outcome;
  }
  job->filter = std::move(*filter);
  job->faults = 0;
  spreading_.push_front(std::move(*job));
  return outcome;
}

JobDesk::Outcome JobDesk::take(FannedOut fanned, Timestamp now) {
  using Kind = store::FannedOut::Kind;
  Outcome outcome;
  auto job = take_busy();
  if (!job) return outcome;
  if (fanned.result.kind == Kind::lost) {
    outcome.notices.push_back({.kind = Notice::Kind::run_fenced, .run = std::move(job->run)});
    return outcome;
  }
  if (fanned.result.added > 0) outcome.claim.insert(job->run.executor);
  if (fanned.result.kind == Kind::more) {
    job->faults = 0;
    spreading_.push_back(std::move(*job));
    return outcome;
  }
  outcome.notices.push_back(spread_notice(std::move(job->run), *fanned.result.job, now));
  end_at_ = std::min(end_at_.value_or(now), now);
  return outcome;
}

JobDesk::Outcome JobDesk::take(JobsEnded ended, Timestamp now) {
  Outcome outcome;
  ending_ = false;
  auto& result = ended.result;
  end_after_ = result.next;
  for (auto& each : result.ended) {
    outcome.released = outcome.released || each.released;
    outcome.notices.push_back(end_notice(std::move(each)));
  }
  std::optional<Timestamp> next;
  if (result.next)
    next = now;
  else if (result.open > 0)
    next = now + options_.end_every;
  else if (shared_)
    next = now + options_.end_at_least_every;
  // While it was under way a child may have ended, which asked for the next look.
  if (next) end_at_ = std::min(end_at_.value_or(*next), *next);
  return outcome;
}

JobDesk::Outcome JobDesk::spread_failed(const std::string& error, bool refused, Timestamp now) {
  Outcome outcome;
  auto job = take_busy();
  if (!job) return outcome;
  // A store that is away writes nothing, and then no job fails.
  if (job->faults == 0 || job->writes != writes_) ++job->faults;
  job->writes = writes_;
  if (refused || job->faults >= kFaultsMax) {
    outcome.failed.emplace(std::move(job->run), "the job could not be stored: " + error);
    return outcome;
  }
  job->again_at = now + std::min(kFaultWait * (1 << (job->faults - 1)), kFaultWaitMax);
  spreading_.push_back(std::move(*job));  // the row says how far it got: the same again
  return outcome;
}

void JobDesk::end_failed(Timestamp now) {
  ending_ = false;
  end_at_ = now;
}

void JobDesk::child_ended(Timestamp now) {
  const Timestamp soon = now + options_.end_at_most_every;
  end_at_ = end_at_ ? std::min(*end_at_, soon) : soon;
}

std::vector<store::Run> JobDesk::drop_lost(const std::function<bool(const store::Run&)>& is_ours) {
  std::vector<store::Run> lost;
  for (const auto& run : waiting_)
    if (!is_ours(run)) lost.push_back(run);
  std::erase_if(waiting_, [&](const auto& run) { return !is_ours(run); });
  for (auto& job : spreading_) {
    if (is_ours(job.run) || job.lost) continue;
    job.lost = true;
    lost.push_back(job.run);
  }
  // The one under way stays until its answer comes.
  const auto rest = spreading_.begin() + (busy_ ? 1 : 0);
  spreading_.erase(std::remove_if(rest, spreading_.end(), [](const auto& job) { return job.lost; }),
                   spreading_.end());
  return lost;
}

std::vector<store::Run> JobDesk::give_back() {
  std::vector<store::Run> runs(std::make_move_iterator(waiting_.begin()),
                               std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  while (spreading_.size() > (busy_ ? 1U : 0U)) {
    runs.push_back(std::move(spreading_.back().run));
    spreading_.pop_back();
  }
  return runs;
}

}  // namespace rruled::core
