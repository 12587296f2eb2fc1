#include "daemon/core/explain.h"

#include "daemon/core/catchup.h"
#include "daemon/core/duration.h"
#include "daemon/core/retry.h"
#include "daemon/core/run_identity.h"
#include "daemon/core/time_text.h"
#include "store/run_reason.h"

#include <algorithm>
#include <array>

namespace rruled::core {
namespace {

namespace json = boost::json;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::seconds;
using store::GapReason;
using store::RunReason;
using store::RunStatus;
using store::ScheduleStatus;

constexpr std::uint64_t kWalkMax = 100'000;  // occurrences, for one explanation
constexpr std::array<std::string_view, 10> kOutcomes{"ran",     "failed", "cancelled", "under_way",
                                                     "skipped", "gap",    "due",       "ahead",
                                                     "never",   "unknown"};

std::string clock_text(rrule::local_seconds local) { return iso_local(local).substr(11); }

std::string times_text(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// "started 120 ms after it was due, 2 attempts"
std::string start_text(const store::Run& run) {
  std::string text = "never started";
  if (run.started_at)
    text = "started " + std::to_string((*run.started_at - run.due_at).count()) +
           " ms after it was due";
  if (run.attempts > 0)
    text += ", " + times_text(static_cast<std::uint64_t>(run.attempts), "attempt");
  return text;
}

std::string answer_text(const std::vector<store::Attempt>& attempts) {
  if (attempts.empty() || !attempts.back().status_code) return {};
  return ", answered " + std::to_string(*attempts.back().status_code);
}

std::string with_error(std::string text, const std::string& error) {
  return error.empty() ? text : std::move(text) + ": " + error;
}

std::string skipped_text(const store::Run& run, const store::Schedule& schedule) {
  const std::string policy = " (overlap: " + std::string(store::word(schedule.overlap)) + ")";
  const auto reason = store::parse_word<RunReason>(run.reason);
  if (reason == RunReason::overlap) return "skipped: the run before it had not ended" + policy;
  if (reason == RunReason::buffer_full)
    return "skipped: too many runs before it were waiting" + policy;
  if (reason == RunReason::calendar) return "skipped: its day was excluded by the calendar";
  return "skipped: " + run.reason;
}

std::string cancelled_text(const store::Run& run) {
  const auto reason = store::parse_word<RunReason>(run.reason);
  if (!reason) return "cancelled: " + run.reason;  // a program's own word
  switch (*reason) {
    case RunReason::overlap:
      return "cancelled for the run after it (overlap: cancel_other)";
    case RunReason::catchup_window:
      return "cancelled: no daemon could send it before its catch-up window was over";
    case RunReason::schedule_deleted:
      return "cancelled: the schedule was deleted";
    case RunReason::cancelled_by_operator:
      return "cancelled by a person";
    case RunReason::cancelled_remotely:
      return "cancelled on the other side, where it was batch job " + run.remote_id;
    case RunReason::job_ended:
      return "cancelled: its batch job was ended before it was sent";
    // Of runs that ended in another way.
    case RunReason::buffer_full:
    case RunReason::calendar:
    case RunReason::attempts_used_up:
    case RunReason::retry_time_over:
    case RunReason::unreached:
    case RunReason::remote_failed:
    case RunReason::tracking_ended:
    case RunReason::children_failed:
    case RunReason::flow_inactive:
      break;
  }
  return "cancelled: " + run.reason;
}

// What a run waits for that any daemon may take. Which of them it is the daemons alone know.
std::string pending_text(const store::Run& run, const ExplainSource& source) {
  const std::string& name = run.executor;
  if (source.has_executor && !source.has_executor(name))
    return "waits for a daemon that has executor " + name +
           ": the configuration here has no [executors." + name + "] for its project";
  return "waits for a daemon that has executor " + name + ", for a free slot there (executors." +
         name +
         ".max_in_flight, run.max_in_flight), or until it answers again (log line \"executor " +
         name + ": nobody answers\", metric rruled_breaker_state)";
}

std::string retrying_text(const store::Run& run, const ExplainSource& source, Timestamp now) {
  const std::string after =
      " after " + times_text(static_cast<std::uint64_t>(run.attempts), "attempt");
  if (!run.available_at) return "will be tried again" + after;
  const std::string time = rfc3339(floor<seconds>(*run.available_at));
  if (*run.available_at > now) return "will be tried again at " + time + after;
  return "was to be tried again at " + time + after + ", " + pending_text(run, source);
}

// A run that has not ended.
std::string live_text(const store::Run& run, const ExplainSource& source, Timestamp now) {
  switch (run.status) {
    case RunStatus::waiting:
      return "waits for the end of the run before it";
    case RunStatus::pending:
      return pending_text(run, source);
    case RunStatus::dispatching:
      return "is being delivered, " +
             times_text(static_cast<std::uint64_t>(run.attempts), "attempt");
    case RunStatus::retrying:
      return with_error(retrying_text(run, source, now), run.error);
    default:
      return "is under way, " + start_text(run);
  }
}

void tell_run(const store::Run& run, const ExplainSource& source, Timestamp now, Explained& out) {
  out.run = run.id;
  out.due_at = run.due_at;
  const auto found = source.attempts.find(run.id);
  const std::string answer = found == source.attempts.end() ? "" : answer_text(found->second);
  switch (run.status) {
    case RunStatus::completed:
      out.outcome = Outcome::ran;
      out.text = "ran: " + start_text(run) + answer;
      return;
    case RunStatus::failed:
    case RunStatus::dead:
      out.outcome = Outcome::failed;
      out.text = with_error(with_error((run.status == RunStatus::dead ? "gave up: " : "failed: ") +
                                           start_text(run) + answer,
                                       why_given_up(run)),
                            run.error);
      return;
    case RunStatus::cancelled:
      out.outcome = Outcome::cancelled;
      out.text = cancelled_text(run);
      return;
    case RunStatus::skipped:
      out.outcome = Outcome::skipped;
      out.text = skipped_text(run, source.schedule);
      return;
    default:
      out.outcome = Outcome::under_way;
      out.text = live_text(run, source, now);
  }
}

// What catch-up leaves of what nobody settled in time; as it is set now.
std::string catchup_text(const store::Schedule& schedule) {
  const std::string within = ", within " + duration_text(schedule.catchup_window);
  switch (schedule.catchup) {
    case store::CatchupPolicy::last:
      return "catchup last: the newest alone" + within;
    case store::CatchupPolicy::none:
      return "catchup none: nothing older than " + duration_text(schedule.catchup_grace);
    case store::CatchupPolicy::all:
      return "catchup all: at most " + std::to_string(kCatchupMax) + within;
  }
  return {};
}

std::string gap_text(const store::Gap& gap, const store::Schedule& schedule) {
  const std::string part = " (" + times_text(gap.count, "occurrence") + " from " +
                           rfc3339(gap.from) + " to " + rfc3339(gap.to) + ")";
  switch (gap.reason) {
    case GapReason::missed:
      return "missed: not settled in time, as no daemon was there or it was held up; then left out"
             " by catch-up (" +
             catchup_text(schedule) + "), or overtaken by a pause or an edit" + part;
    case GapReason::paused:
      return "not run: paused then" + part;
    case GapReason::flow_inactive:
      return "not run: its flow was not active then" + part;
    case GapReason::error:
      return "not run: the schedule could not be used then" + part;
    case GapReason::skipped_by_operator:
      return "not run: left out by a person" + part;
    case GapReason::calendar:
      return "skipped: its day was excluded by the calendar" + part;
  }
  return {};
}

// Why what is ahead, or due, does not run as things are; empty: it does.
std::string hindrance(const ExplainSource& source, Timestamp due_at) {
  const store::Schedule& schedule = source.schedule;
  const auto noted = [](const std::string& note) {
    return note.empty() ? std::string() : " (" + note + ")";
  };
  const auto until = schedule.paused_until;
  if (schedule.status == ScheduleStatus::paused && !(until && due_at >= *until))
    return "the schedule is paused" +
           (until ? " until " + rfc3339(floor<seconds>(*until)) : std::string()) +
           noted(schedule.note);
  if (schedule.status == ScheduleStatus::completed) return "the schedule is completed";
  if (schedule.status == ScheduleStatus::error)
    return "the schedule cannot be used: " + schedule.status_reason;
  if (source.project && source.project->paused())
    return "the project is paused" + noted(source.project->note);
  return source.flow_silent;
}

// Gaps of a calendar that count all that the rule has in their time: whatever calendar it was, each
// of these was left out. One with more than kWalkMax is not looked at.
std::vector<const store::Gap*> whole_calendar_gaps(const ExplainSource& source,
                                                   const Timetable& timetable,
                                                   Span span) {
  std::uint64_t left = kWalkMax;
  std::vector<const store::Gap*> whole;
  for (const auto& gap : source.gaps) {
    if (gap.reason != GapReason::calendar || gap.from > span.to || gap.to < span.from ||
        gap.count >= left)
      continue;
    left -= gap.count;
    const auto in_it = timetable.recurrence().between(gap.from, gap.to + seconds(1), gap.count + 1);
    if (in_it.size() <= gap.count) whole.push_back(&gap);
  }
  return whole;
}

// Without a row of its own.
void tell_without_run(const ExplainSource& source,
                      const Timetable& timetable,
                      const std::vector<const store::Gap*>& whole,
                      Timestamp now,
                      Explained& out) {
  const store::Schedule& schedule = source.schedule;
  const Instant instant = out.occurrence.instant;
  const bool excluded =
      timetable.open_days().leaves_out() && timetable.open_days().is_excluded(out.occurrence);
  // What is not settled (any more, after recomputed()) is in none. The narrowest: one for the
  // calendar's own may lie inside another.
  const bool is_settled = schedule.settled_to && instant <= *schedule.settled_to;
  const store::Gap* gap = nullptr;
  for (const auto& each : source.gaps)
    if (is_settled && each.from <= instant && instant <= each.to &&
        (excluded == (each.reason == GapReason::calendar) ||
         std::find(whole.begin(), whole.end(), &each) != whole.end()) &&
        (gap == nullptr || each.to - each.from < gap->to - gap->from))
      gap = &each;
  if (gap != nullptr) {
    out.outcome = gap->reason == GapReason::calendar ? Outcome::skipped : Outcome::gap;
    out.text = gap_text(*gap, schedule);
    return;
  }
  if (excluded) {
    out.outcome = instant <= now ? Outcome::skipped : Outcome::never;
    out.text = (instant <= now ? "skipped: " : "will not run: ") + iso_day(out.occurrence.local) +
               " is excluded by calendar " + schedule.calendar;
    return;
  }
  if (out.due_at <= schedule.created_at) {
    out.text = "before the schedule was made";
    return;
  }
  if (is_settled) {
    out.text = "settled: its row is no longer kept, or the schedule was another one then";
    return;
  }
  const std::string hindered = hindrance(source, out.due_at);
  if (out.due_at > now) {
    out.outcome = hindered.empty() ? Outcome::ahead : Outcome::never;
    out.text = hindered.empty() ? "will run at " + rfc3339(out.due_at)
                                : "will not run as things are: " + hindered;
    return;
  }
  out.outcome = hindered.empty() ? Outcome::due : Outcome::gap;
  out.text = hindered.empty()
                 ? "is due since " + rfc3339(out.due_at) + " and nobody has taken it yet"
                 : "not run: " + hindered;
}

// By which change of the clock, or which calendar.
std::string moved_text(const Placed& placed,
                       const store::Schedule& schedule,
                       const rrule::TimeZone& zone) {
  if (placed.moved_from)
    return "moved from " + iso_day(*placed.moved_from) + " by calendar " + schedule.calendar +
           " (" + std::string(store::word(schedule.calendar_action)) + ")";
  const auto& occurrence = placed.occurrence;
  if (occurrence.note == rrule::Note::none) return {};
  const auto changes =
      zone.transitions(occurrence.instant - hours(3), occurrence.instant + hours(3));
  const std::string change =
      changes.empty() ? std::string() : " (the change at " + rfc3339(changes.front().at) + ")";
  const std::string time = clock_text(occurrence.nominal);
  switch (occurrence.note) {
    case rrule::Note::gap_shifted:
      return "the clock skips " + time + change;
    case rrule::Note::fold_first:
      return "the first of two " + time + change;
    default:
      return "the second of two " + time + change;
  }
}

}  // namespace

std::string_view word(Outcome outcome) { return kOutcomes.at(static_cast<std::size_t>(outcome)); }

Span explain_span(const Timetable& timetable, Instant at, std::size_t around) {
  const OpenDays& kept = timetable.open_days();
  const OpenDays days =
      kept.leaves_out() ? OpenDays(kept.recurrence(), nullptr, store::CalendarAction::skip) : kept;
  Span span{at, at};
  Instant after = at - seconds(1);
  for (std::size_t i = 0; i < std::min(around, kAroundMax); ++i) {
    if (const auto found = days.previous(span.from)) span.from = found->occurrence.instant;
    if (const auto found = days.next(after)) span.to = after = found->occurrence.instant;
  }
  return span;
}

std::vector<Explained> explain(const ExplainSource& source,
                               const Timetable& timetable,
                               Span span,
                               Timestamp now) {
  const store::Schedule& schedule = source.schedule;
  const auto& zone = *timetable.recurrence().zone();
  std::map<Instant, Explained> all;
  const auto add = [&](const Placed& placed, Timestamp due_at) {
    auto& each = all[placed.occurrence.instant];
    each.occurrence = placed.occurrence;
    each.due_at = due_at;
    each.moved = moved_text(placed, schedule, zone);
  };
  for (auto found = timetable.open_days().next(span.from - seconds(1));
       found && found->occurrence.instant <= span.to;
       found = timetable.open_days().next(found->occurrence.instant)) {
    const Instant instant = found->occurrence.instant;
    const auto slot = timetable.next(instant - seconds(1));
    add(*found, slot ? slot->due_at : Timestamp(instant));
  }
  constexpr std::size_t kMax = 2 * kAroundMax + 1;
  bool cut_short = false;  // asked for so that it is bounded: the newest are what is shown
  const auto excluded =
      timetable.open_days().excluded(span.from - seconds(1), span.to, kMax, &cut_short);
  for (const auto& each : excluded.newest) add({each, std::nullopt}, each.instant);

  std::map<Instant, const store::Run*> runs;
  for (const auto& run : source.runs)
    if (run.origin == store::RunOrigin::schedule && run.scheduled_for &&
        *run.scheduled_for >= span.from && *run.scheduled_for <= span.to)
      runs[*run.scheduled_for] = &run;
  for (const auto& [instant, run] : runs) {
    if (all.contains(instant)) continue;
    const auto local = zone.to_local(instant);
    add({{instant, local, local, rrule::Note::none}, std::nullopt}, run->due_at);
    all[instant].moved = "the rule of today does not name it";
  }

  const auto whole = whole_calendar_gaps(source, timetable, span);
  std::vector<Explained> result;
  for (auto& [instant, each] : all) {
    if (const auto run = runs.find(instant); run != runs.end())
      tell_run(*run->second, source, now, each);
    else
      tell_without_run(source, timetable, whole, now, each);
    result.push_back(std::move(each));
  }
  return result;
}

json::object to_json(const Explained& explained) {
  const auto& occurrence = explained.occurrence;
  return {{"scheduled_for", iso_microseconds(occurrence.instant)},
          {"due_at", iso_microseconds(explained.due_at)},
          {"local", iso_local(occurrence.local)},
          {"offset", iso_offset(seconds(occurrence.local.time_since_epoch() -
                                        occurrence.instant.time_since_epoch()))},
          {"outcome", word(explained.outcome)},
          {"text", explained.text},
          {"run", explained.run ? json::value(to_string(*explained.run)) : json::value(nullptr)},
          {"moved", explained.moved.empty() ? json::value(nullptr) : json::value(explained.moved)}};
}

}  // namespace rruled::core
