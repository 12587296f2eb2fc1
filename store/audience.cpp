#include "store/audience.h"

#include "store/run_rules.h"
#include "store/validate.h"

#include <algorithm>
#include <set>

namespace rruled::store {
namespace {

// Drops what is beyond the cap, and moves the cursor over the page.
void advance(FanOutPage& page, const FanOut& request, Job& job) {
  const auto enqueued = static_cast<std::size_t>(job.enqueued);
  const std::size_t left = request.max_audience - std::min(request.max_audience, enqueued);
  const bool full = page.matched.size() == page_size(request, job);
  if (page.matched.size() > left) {
    page.matched.resize(left);
    job.truncated = true;
    job.state = JobState::spread;
  } else if (!full && !page.looked_to) {
    job.state = JobState::spread;
  }
  if (!page.matched.empty()) job.cursor = page.matched.back().id;
  if (!full && page.looked_to) job.cursor = page.looked_to;
  job.enqueued += static_cast<std::int64_t>(page.matched.size());
}

}  // namespace

void validate(const std::vector<PersonPut>& persons) {
  for (const auto& put : persons) {
    check_text("persons", "distinct_id", put.person.distinct_id);
    check_text("persons", "properties", put.person.properties);
    if (put.person.distinct_id.empty()) refuse("persons", "distinct_id", "must not be empty");
    std::set<std::string_view> keys;
    for (const auto& value : put.values) {
      check_text("person_values", "key", value.key);
      check_text("person_values", "value", value.value);
      if (value.folded) check_text("person_values", "folded", *value.folded);
      if (!keys.insert(value.key).second) refuse("person_values", "key", "comes twice");
    }
  }
}

PersonsByName by_name(const std::vector<PersonPut>& persons) {
  PersonsByName last;
  for (const auto& put : persons) {
    auto& counts = last[{put.person.project_id, put.person.distinct_id}];
    if (counts == nullptr || !put.keep) counts = &put;
  }
  return last;
}

void validate_child(const Run& child, const Run& job) {
  check_text("runs", "body", child.body);
  if (child.status != RunStatus::pending) refuse("runs", "status", "a child is pending");
  if (child.origin != RunOrigin::child) refuse("runs", "origin", "must be `child`");
  if (child.parent_id != ParentId{job.id.value}) refuse("runs", "parent_id", "must be the job's");
  if (child.flow_id != job.flow_id) refuse("runs", "flow_id", "must be the job's");
  if (child.project_id != job.project_id) refuse("runs", "project_id", "must be the job's");
  if (child.schedule_id) refuse("runs", "schedule_id", "a child takes no slot of the schedule");
}

void heed_wish(const Run& run, Job& job) {
  if (run.cancel_reason.empty() || job.ending) return;
  job.ending = RunStatus::cancelled;
  job.reason = run.cancel_reason;
}

void count(ChildCounts& counts, RunStatus status, std::int64_t runs) {
  switch (status) {
    case RunStatus::waiting:
    case RunStatus::pending:
    case RunStatus::retrying:
      counts.unsent += runs;
      return;
    case RunStatus::dispatching:
    case RunStatus::running:
      counts.sent += runs;
      return;
    case RunStatus::completed:
      counts.done += runs;
      return;
    case RunStatus::failed:
    case RunStatus::dead:
      counts.failed += runs;
      return;
    case RunStatus::cancelled:
    case RunStatus::skipped:
      return;
  }
}

JobProgress progress_of(const Job& job, const ChildCounts& counts) {
  JobProgress progress{.run_id = job.run_id, .total = {}};
  if (job.state != JobState::spreading) progress.total = job.enqueued;
  progress.enqueued = job.enqueued;
  progress.done = counts.done;
  progress.failed = counts.failed;
  progress.truncated = job.truncated;
  progress.trigger_config = job.trigger_config;
  return progress;
}

JobEnd end_of(const Job& job, FlowId flow, const ChildCounts& counts, Timestamp now) {
  JobEnd end;
  if (job.ending) {
    end.status = *job.ending;
    end.reason = job.reason;
  } else if (counts.failed > 0) {
    end.status = RunStatus::failed;
    end.reason = word(RunReason::children_failed);
  }
  const std::string tally = std::to_string(counts.done) + " of " + std::to_string(job.enqueued) +
                            " persons reached, " + std::to_string(counts.failed) + " failed";
  if (end.status == RunStatus::failed)
    end.error = end.reason == word(RunReason::children_failed) ? tally : end.reason + ": " + tally;
  end.line = {flow, job.run_id, now, LogLevel::info,
              "batch job " + std::string(word(end.status)) + ": " + tally};
  if (end.status == RunStatus::failed) end.line.level = LogLevel::error;
  if (!end.reason.empty()) end.line.message += " (" + end.reason + ")";
  return end;
}

LogEntry spread_line(const Job& job, FlowId flow, Timestamp now) {
  LogEntry line{flow, job.run_id, now, LogLevel::info, ""};
  const std::string enqueued = std::to_string(job.enqueued) + " persons enqueued";
  if (job.ending) {
    line.level = LogLevel::warn;
    line.message = "stopped (" + job.reason + "): " + enqueued;
  } else if (job.truncated) {
    line.level = LogLevel::warn;
    line.message = "the audience is larger than limits.max_audience: " + enqueued +
                   ", the others are left out";
  } else {
    line.message = enqueued;
  }
  return line;
}

bool ends_page(const FanOut& request, std::size_t looked, bool full) {
  return full || looked >= request.look_at || (request.go_on && !request.go_on());
}

std::size_t page_size(const FanOut& request, const Job& job) {
  const auto enqueued = static_cast<std::size_t>(job.enqueued);
  const std::size_t left = request.max_audience - std::min(request.max_audience, enqueued);
  return std::min(request.page, left + 1);
}

std::optional<std::vector<Person>> plan_page(std::optional<LookedPage> looked,
                                             bool flow_fires,
                                             const FanOut& request,
                                             Job& job) {
  if (!job.ending && !flow_fires) {
    job.ending = RunStatus::failed;
    job.reason = word(RunReason::flow_inactive);
  }
  if (job.ending) {
    job.state = JobState::spread;
    return std::vector<Person>();
  }
  if (!looked || looked->after != job.cursor) return std::nullopt;
  advance(looked->page, request, job);
  return std::move(looked->page.matched);
}

}  // namespace rruled::store
