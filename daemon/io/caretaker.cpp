#include "daemon/io/caretaker.h"

#include "daemon/core/flow_change.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/audit_write.h"
#include "daemon/io/calendar_finder.h"
#include "daemon/io/run_on.h"

#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using core::Notice;

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::size_t kResumeMax = 100;  // in one step
constexpr std::size_t kFailingMax = 500;
constexpr std::size_t kWalkPage = 500;
constexpr std::size_t kWalkMax = 2'000;  // in one step
constexpr std::chrono::seconds kSoon{120};
constexpr const char* kActor = "daemon";
constexpr const char* kNotResumed = "stays paused beyond its time, tried again each minute";
constexpr const char* kNotPaused = "goes on although it fails, looked at again each minute";

// Runs that ended and count: a person's, too. More than pause_after_failures may be.
std::vector<store::Run> ended_runs(store::Directory& directory, const store::Schedule& row) {
  store::RunFilter filter{.project_id = row.project_id};
  filter.schedule_id = row.id;
  filter.statuses = {store::RunStatus::completed, store::RunStatus::failed, store::RunStatus::dead};
  const auto count = static_cast<std::size_t>(row.pause_after_failures);
  return directory.runs(filter, {count, 0}, false).rows;
}

std::string name_of(store::Store& store, const store::Schedule& row) {
  const auto flow = store.flow(row.flow_id);
  return flow && flow->name ? *flow->name : to_string(row.flow_id);
}

std::string row_name(const store::Schedule& row) { return "schedule " + to_string(row.id); }

std::optional<Notice> pause_if_failing(const CareParts& parts,
                                       const store::Schedule& row,
                                       store::Timestamp now) {
  auto paused = core::paused_by_failures(row, ended_runs(parts.directory, row), now);
  if (!paused) return std::nullopt;
  std::string text = name_of(parts.store, row) + ": " + paused->note;
  store::ChangeSet changes;
  core::put(changes, {std::move(*paused), std::nullopt}, &row);
  if (write_with_audit(std::move(changes), parts.store, kActor, now)) return std::nullopt;
  return Notice{.kind = Notice::Kind::paused, .schedule_id = row.id, .text = std::move(text)};
}

std::optional<Notice> resume(const CareParts& parts,
                             const store::Schedule& row,
                             const core::CalendarFinder& calendars,
                             store::Timestamp now) {
  const auto flow = parts.store.flow(row.flow_id);
  const auto timetable = core::Timetable::compile(row, parts.zones, calendars);
  if (!flow) return std::nullopt;
  store::ChangeSet changes;
  std::string text = flow->name.value_or(to_string(row.flow_id)) + ": ";
  if (timetable) {
    const bool fires = core::can_fire(flow->status, flow->trigger_type);
    // What came after it was not paused, whenever a daemon sees that it is over.
    const auto until = std::min(row.paused_until.value_or(now), now);
    // Nor was what is due at that very time.
    auto change = core::resumed(row, *timetable, fires, until - std::chrono::milliseconds(1));
    change.schedule.updated_at = now;
    core::put(changes, std::move(change), &row);
    text += "resumed: its pause was until " + core::rfc3339(until);
  } else {
    const std::string reason = timetable.error().text();
    core::put(changes, {core::quarantined(row, reason), std::nullopt}, &row);
    text += "its pause is over, but it cannot be used: " + reason;
  }
  if (write_with_audit(std::move(changes), parts.store, kActor, now)) return std::nullopt;
  return Notice{.kind = timetable ? Notice::Kind::resumed : Notice::Kind::quarantined,
                .schedule_id = row.id,
                .text = std::move(text)};
}

}  // namespace

void resume_paused(const CareParts& parts, store::Timestamp now, CareStep& step) {
  const auto most = kResumeMax + parts.not_resumed.count();
  const auto rows = parts.directory.schedules_to_resume(now, most);
  if (rows.empty()) return;
  const auto calendars = calendar_finder(parts.directory, parts.zones);
  for (const store::Schedule& row : rows)
    parts.not_resumed.attempt(row_name(row), kNotResumed, [&] {
      if (auto notice = resume(parts, row, calendars, now)) step.done.push_back(std::move(*notice));
    });
}

void pause_failing(const CareParts& parts,
                   const std::vector<store::ScheduleId>& schedules,
                   store::Timestamp now,
                   CareStep& step) {
  if (schedules.empty()) return;
  for (const store::Schedule& row : parts.directory.schedules_that_pause(schedules)) {
    parts.not_paused.attempt(row_name(row), kNotPaused, [&] {
      if (auto notice = pause_if_failing(parts, row, now)) step.done.push_back(std::move(*notice));
    });
    if (parts.not_paused.is_set_aside(row_name(row))) step.unpaused.push_back(row.id);
  }
}

void pause_failed_before(const CareParts& parts, store::Timestamp now, CareStep& step) {
  DueWalk& walk = step.walk;
  for (std::size_t seen = 0; !walk.over && seen < kWalkMax; seen += kWalkPage) {
    if (seen > 0 && walk.after->due > now + kSoon) break;
    const auto rows = parts.store.load_due(walk.after, store::Timestamp::max(), kWalkPage);
    std::vector<store::ScheduleId> pausing;
    for (const auto& row : rows)
      if (row.schedule.pause_after_failures > 0) pausing.push_back(row.schedule.id);
    pause_failing(parts, pausing, now, step);
    if (!rows.empty())
      walk.after = store::DueCursor{*rows.back().schedule.next_due_at, rows.back().schedule.id};
    walk.over = rows.size() < kWalkPage;
  }
}

CareStep take_care(const CareParts& parts,
                   const std::vector<store::ScheduleId>& failing,
                   DueWalk walk,
                   store::Timestamp now) {
  CareStep step{.walk = walk};
  try {
    resume_paused(parts, now, step);
    pause_failing(parts, failing, now, step);
    pause_failed_before(parts, now, step);
  } catch (const std::exception&) {
    step.error = std::current_exception();
  }
  return step;
}

Caretaker::Caretaker(asio::any_io_executor io,
                     StoreLane lane,
                     const rrule::ZoneDatabase& zones,
                     const Clock& clock,
                     std::shared_ptr<spdlog::logger> log,
                     Observer& next)
    : Listener(next),
      lane_(lane),
      zones_(zones),
      clock_(clock),
      log_(std::move(log)),
      directory_(lane.store.directory()),
      not_resumed_(clock, *log_),
      not_paused_(clock, *log_),
      pacer_(std::move(io)) {}

void Caretaker::on(const Notice& notice) {
  const bool failed =
      notice.status == store::RunStatus::failed || notice.status == store::RunStatus::dead;
  if (notice.kind == Notice::Kind::run_ended && failed && notice.run->schedule_id)
    failing_.insert(*notice.run->schedule_id);
  next().on(notice);
}

std::vector<store::ScheduleId> Caretaker::take_failing() {
  const auto now = clock_.steady();
  std::erase_if(later_, [&](const auto& each) {
    const bool is_time = each.second <= now;
    if (is_time) failing_.insert(each.first);
    return is_time;
  });
  // When an executor is down many fail at once: what is due must not wait for a look at all.
  std::vector<store::ScheduleId> failing;
  while (!failing_.empty() && failing.size() < kFailingMax)
    failing.push_back(failing_.extract(failing_.begin()).value());
  return failing;
}

asio::awaitable<void> Caretaker::step() {
  const auto failing = take_failing();
  auto step = [this, failing, walk = walk_, now = clock_.now()] {
    return take_care({lane_.store, *directory_, zones_, not_resumed_, not_paused_}, failing, walk,
                     now);
  };
  try {
    const CareStep taken = co_await run_on(lane_.thread, std::move(step));
    walk_ = taken.walk;
    for (const auto id : taken.unpaused)
      later_.emplace(id, clock_.steady() + RefusedRows::kSetAside);
    for (const Notice& notice : taken.done) next().on(notice);
    if (taken.error) std::rethrow_exception(taken.error);
    failed_ = false;
    trouble_.over();
  } catch (const std::exception& error) {
    failed_ = true;
    failing_.insert(failing.begin(), failing.end());
    if (!is_away(error) && trouble_.is_news(error.what(), clock_.steady()))
      log_->error("schedules could not be paused or resumed: {}", error.what());
  }
}

asio::awaitable<void> Caretaker::finish() {
  stop();
  if (!failing_.empty() && !failed_) co_await step();
}

asio::awaitable<void> Caretaker::run() {
  while (!pacer_.stopped()) {
    co_await step();
    co_await pacer_.rest(kLookEvery);
  }
}

}  // namespace rruled::io
