#include "store/memory_directory.h"

#include "store/directory_filter.h"
#include "store/run_rules.h"

#include <algorithm>
#include <limits>
#include <map>

namespace rruled::store {
namespace {

constexpr auto kNoLimit = std::numeric_limits<std::size_t>::max();

template <class Row, class Filter>
Page<Row> page_of(std::vector<Row> rows, const Filter& filter, PageRange range) {
  std::erase_if(rows, [&](const Row& row) { return !matches(filter, row); });
  Page<Row> page;
  page.count = rows.size();
  const auto from = rows.begin() + static_cast<std::ptrdiff_t>(std::min(range.offset, rows.size()));
  const auto left = static_cast<std::size_t>(rows.end() - from);
  page.rows.assign(
      std::make_move_iterator(from),
      std::make_move_iterator(from + static_cast<std::ptrdiff_t>(std::min(range.limit, left))));
  return page;
}

}  // namespace

std::unique_ptr<Directory> MemoryStore::directory() {
  return std::make_unique<MemoryDirectory>(*this);
}

Page<Flow> MemoryDirectory::flows(const FlowFilter& filter, PageRange range) {
  return page_of(store_.flows({.limit = kNoLimit}), filter, range);
}

Page<Schedule> MemoryDirectory::schedules(const ScheduleFilter& filter, PageRange range) {
  auto rows = store_.schedules({.limit = kNoLimit});
  if (filter.due_before)
    std::sort(rows.begin(), rows.end(), [](const Schedule& a, const Schedule& b) {
      return std::tie(a.next_due_at, a.id) < std::tie(b.next_due_at, b.id);
    });
  else if (filter.resumes_before)
    std::sort(rows.begin(), rows.end(), [](const Schedule& a, const Schedule& b) {
      return std::tie(a.paused_until, a.id) < std::tie(b.paused_until, b.id);
    });
  return page_of(std::move(rows), filter, range);
}

Page<Run> MemoryDirectory::runs(const RunFilter& filter, PageRange range, bool counted) {
  auto page = page_of(store_.runs({.limit = kNoLimit}), filter, range);
  if (!counted) page.count = 0;
  return page;
}

std::vector<KeptGap> MemoryDirectory::gaps(const GapFilter& filter, PageRange range) {
  auto rows = store_.all_gaps();
  if (filter.project_id)
    std::erase_if(rows, [&](const KeptGap& row) {
      return store_.project_of(row.flow_id) != *filter.project_id;
    });
  std::ranges::sort(rows, std::greater(), [](const KeptGap& row) { return place_of(row.gap); });
  return page_of(std::move(rows), filter, range).rows;
}

std::vector<Run> MemoryDirectory::last_runs(const std::vector<ScheduleId>& schedules) {
  std::vector<Run> found;
  for (const auto id : schedules)
    for (auto& run : store_.runs({.schedule_id = id, .limit = kNoLimit})) {
      if (run.status == RunStatus::skipped) continue;
      found.push_back(std::move(run));
      break;
    }
  return found;
}

Page<LogEntry> MemoryDirectory::logs(const LogFilter& filter, PageRange range) {
  return page_of(store_.logs({.limit = kNoLimit}), filter, range);
}

Page<AuditEntry> MemoryDirectory::audit(const AuditFilter& filter, PageRange range) {
  return page_of(std::vector(store_.audit().rbegin(), store_.audit().rend()), filter, range);
}

Tallies MemoryDirectory::tallies(const TallyFilter& filter) {
  std::map<std::tuple<std::int64_t, RunStatus, bool>, std::uint64_t> runs;
  for (const Run& run : store_.runs({.limit = kNoLimit})) {
    if (!matches(filter, run)) continue;
    ++runs[{(run.due_at - filter.from) / filter.step, run.status, run.started_at.has_value()}];
  }
  std::map<std::pair<std::int64_t, GapReason>, std::uint64_t> gaps;
  for (const auto& [gap, flow] : store_.all_gaps()) {
    if (flow != filter.flow_id) continue;
    if (filter.of_run || gap.from < filter.from || gap.from >= filter.to) continue;
    gaps[{(gap.from - filter.from) / filter.step, gap.reason}] += gap.count;
  }
  Tallies result;
  for (const auto& [key, count] : runs)
    result.runs.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), count});
  for (const auto& [key, count] : gaps) result.gaps.push_back({key.first, key.second, count});
  return result;
}

void MemoryDirectory::add_token(const Token& token, const AuditEntry& entry) {
  store_.tokens_.push_back(token);
  store_.add_audit(entry);
}

std::optional<Token> MemoryDirectory::token_by_hash(const std::string& hash) {
  const auto found = std::find_if(store_.tokens_.begin(), store_.tokens_.end(),
                                  [&](const Token& token) { return token.hash == hash; });
  return found == store_.tokens_.end() ? std::nullopt : std::optional(*found);
}

std::vector<Token> MemoryDirectory::tokens() {
  auto all = store_.tokens_;
  std::sort(all.begin(), all.end(), [](const Token& a, const Token& b) {
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  });
  return all;
}

bool MemoryDirectory::revoke_token(TokenId id, Timestamp now, const AuditEntry& entry) {
  for (Token& token : store_.tokens_) {
    if (token.id != id) continue;
    if (!token.revoked_at) token.revoked_at = now;
    store_.add_audit(entry);
    return true;
  }
  return false;
}

void MemoryDirectory::touch_token(TokenId id, Timestamp now) {
  for (Token& token : store_.tokens_)
    if (token.id == id) token.last_used_at = now;
}

std::string MemoryDirectory::remember_request(const boost::uuids::uuid& made,
                                              const std::string& digest) {
  return store_.requests_.emplace(made, digest).first->second;
}

CancelResult MemoryDirectory::cancel_run(RunId id,
                                         const std::string& reason,
                                         Timestamp now,
                                         const AuditEntry& entry) {
  const auto result = store_.cancel_run(id, reason, now);
  if (result == CancelResult::cancelled || result == CancelResult::asked) store_.add_audit(entry);
  return result;
}

RetryResult MemoryDirectory::retry_run(RunId id,
                                       const RetryPolicy& fresh,
                                       Timestamp now,
                                       const AuditEntry& entry) {
  const auto result = store_.retry_run(id, fresh, now);
  if (result == RetryResult::retried) store_.add_audit(entry);
  return result;
}

std::optional<Calendar> MemoryDirectory::calendar(const CalendarName& name) {
  return store_.calendar(name);
}

std::vector<Calendar> MemoryDirectory::calendars(std::int64_t project) {
  return store_.calendars(project);
}

std::optional<Backfill> MemoryDirectory::backfill(ParentId id) { return store_.backfill(id); }

std::vector<Backfill> MemoryDirectory::open_backfills() { return store_.open_backfills(); }

std::optional<Project> MemoryDirectory::project(std::int64_t id) { return store_.project(id); }

std::vector<Schedule> MemoryDirectory::schedules_to_resume(Timestamp now, std::size_t limit) {
  auto rows = store_.schedules({.status = ScheduleStatus::paused, .limit = kNoLimit});
  std::erase_if(rows,
                [&](const Schedule& row) { return !row.paused_until || *row.paused_until > now; });
  std::sort(rows.begin(), rows.end(), [](const Schedule& a, const Schedule& b) {
    return std::tie(a.paused_until, a.id) < std::tie(b.paused_until, b.id);
  });
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

std::vector<Schedule> MemoryDirectory::schedules_that_pause(const std::vector<ScheduleId>& ids) {
  std::vector<Schedule> rows;
  for (const auto id : ids)
    if (auto row = store_.schedule(id);
        row && row->status == ScheduleStatus::active && row->pause_after_failures > 0)
      rows.push_back(std::move(*row));
  std::ranges::sort(rows, {}, &Schedule::id);
  return rows;
}

std::vector<Project> MemoryDirectory::paused_projects() { return store_.paused_projects(); }

std::vector<std::pair<RunStatus, std::uint64_t>> MemoryDirectory::counts_of(ParentId id) {
  return store_.counts_of(id);
}

}  // namespace rruled::store
