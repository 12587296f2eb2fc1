#include "daemon/io/journal.h"

#include "daemon/core/retry.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/log_fields.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <string>
#include <utility>

namespace rruled::io {
namespace {

using core::Notice;
using std::chrono::milliseconds;

constexpr std::size_t kLatenessBuckets = 40;

std::string who(const store::Run& run) {
  std::string text = run.flow_name.empty() ? to_string(run.flow_id) : run.flow_name;
  if (run.origin != store::RunOrigin::schedule)
    text += " (" + std::string(store::word(run.origin)) + ")";
  return text;
}

std::string when(const store::Run& run) {
  return run.scheduled_for ? "scheduled " + core::rfc3339(*run.scheduled_for)
                           : "asked for " + core::rfc3339(run.created_at);
}

// The run of a line. So much of its id as commands take, and as tells a millisecond from the next
// where it begins with its time (UUIDv7).
std::string about(const store::Run& run) {
  constexpr std::size_t kIdShown = 13;
  return who(run) + "  " + when(run) + "  run " + to_string(run.id).substr(0, kIdShown);
}

std::string after_colon(const std::string& text) { return text.empty() ? "" : ": " + text; }

std::string status_code(const core::Report& report) {
  return report.status_code ? " (" + std::to_string(*report.status_code) + ")" : std::string();
}

std::string answer(const core::Report& report) {
  return status_code(report) + after_colon(report.error);
}

std::string why(const store::Run& run) {
  return after_colon(run.error.empty() ? run.reason : run.error);
}

std::string how_ended(const Notice& notice) {
  const store::Run& run = *notice.run;
  const std::string given_up = after_colon(core::why_given_up(run));
  if (!notice.report) return given_up.empty() ? why(run) : given_up + after_colon(run.error);
  // A cancelled one was wished to end: what its attempt said then tells nothing.
  if (notice.status == store::RunStatus::cancelled) return after_colon(run.reason);
  return status_code(*notice.report) + given_up + after_colon(notice.report->error);
}

// A backfill ends before its `--to`. What a calendar or a person left out is to be left out.
std::string what_runs(const store::Gap& gap) {
  const std::string id = to_string(gap.schedule_id);
  if (gap.reason == store::GapReason::calendar ||
      gap.reason == store::GapReason::skipped_by_operator)
    return "schedule " + id;
  return "rruled schedule backfill " + id + " --from " + core::rfc3339(gap.from) + " --to " +
         core::rfc3339(gap.to + std::chrono::seconds(1)) + " runs them";
}

// "3 ms", "90 s", "60 min", rounded: as exact as a reader needs.
std::string spoken(milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 10'000) return std::to_string(ms) + " ms";
  if (ms < 600'000) return std::to_string((ms + 500) / 1'000) + " s";
  return std::to_string((ms + 30'000) / 60'000) + " min";
}

}  // namespace

Journal::Journal(std::shared_ptr<spdlog::logger> log, const Clock& clock)
    : log_(std::move(log)), clock_(clock), lateness_(kLatenessBuckets, 0) {}

milliseconds Journal::lateness(const store::Run& run) const {
  return std::max(milliseconds(0), run.started_at.value_or(clock_.now()) - run.due_at);
}

void Journal::run_ended(const Notice& notice) {
  const store::Run& run = *notice.run;
  const auto late = lateness(run);
  const bool completed = notice.status == store::RunStatus::completed;
  const bool cancelled = notice.status == store::RunStatus::cancelled;
  ++(completed ? completed_ : cancelled ? cancelled_ : failed_);
  if (run.origin == store::RunOrigin::schedule && run.started_at) {
    const auto bucket = std::bit_width(static_cast<std::uint64_t>(late.count()));
    ++lateness_[std::min<std::size_t>(static_cast<std::size_t>(bucket), kLatenessBuckets - 1)];
    lateness_max_ = std::max(lateness_max_, late);
  }
  // A cancelled one was wished to end: however it did, that is no failure.
  const auto level = completed   ? spdlog::level::info
                     : cancelled ? spdlog::level::warn
                                 : spdlog::level::err;
  log_->log(level, "{}  late {}  {}{}{}", about(run), spoken(late), store::word(*notice.status),
            how_ended(notice), run.attempts > 1 ? "  attempt " + std::to_string(run.attempts) : "");
}

void Journal::breaker_changed(const Notice& notice) {
  using State = core::Breaker::State;
  switch (*notice.breaker) {
    case State::open:
      log_->error("executor {}: nobody answers; its runs wait, the next one is tried at {}",
                  notice.text, core::rfc3339(*notice.again_at));
      return;
    case State::half_open:
      log_->info("executor {}: one run is tried", notice.text);
      return;
    case State::closed:
      log_->info("executor {}: answers again", notice.text);
      return;
  }
}

LogFields Journal::fields(const Notice& notice) const {
  LogFields fields;
  if (notice.run) {
    fields = fields_of(*notice.run);
  } else if (notice.gap) {
    fields.push_back({"schedule", to_string(notice.gap->schedule_id)});
  } else if (notice.schedule_id) {
    fields.push_back({"schedule", to_string(*notice.schedule_id)});
  }
  if (notice.kind == Notice::Kind::run_ended) {
    fields.push_back({"outcome", std::string(store::word(*notice.status))});
    fields.push_back({"lateness_ms", std::int64_t{lateness(*notice.run).count()}});
  }
  if (notice.report && notice.report->status_code)
    fields.push_back({"status_code", std::int64_t{*notice.report->status_code}});
  return fields;
}

void Journal::on(const Notice& notice) {
  const LogScope about([this, &notice] { return fields(notice); });
  tell(notice);
}

void Journal::on_store_answer(core::StoreFailed::What asked, std::chrono::nanoseconds took) {
  log_->debug("the store answered a {} after {} us", store::word(asked),
              std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

void Journal::on_store_silence(std::string_view asked, std::chrono::nanoseconds out_for) {
  log_->error(
      "the store is silent: it was asked to {} {} ago, and has neither answered nor failed; look at"
      " its disk, at its server, and at who holds locks there",
      asked, spoken(std::chrono::duration_cast<milliseconds>(out_for)));
}

void Journal::on_turn(const core::Planner::Load& load) {
  if (load.store_away == away_since_.has_value()) return;
  if (load.store_away) {
    away_since_ = clock_.steady();
    return;
  }
  const auto away = std::chrono::duration_cast<milliseconds>(clock_.steady() - *away_since_);
  log_->info("the store answers again after {}", spoken(away));
  away_since_.reset();
  trouble_.over();
}

void Journal::tell(const Notice& notice) {
  switch (notice.kind) {
    case Notice::Kind::run_ended:
      run_ended(notice);
      return;
    case Notice::Kind::run_retrying:
      ++retried_;
      log_->warn("{}  attempt {} failed{}; again at {}", about(*notice.run), notice.run->attempts,
                 answer(*notice.report), core::rfc3339(*notice.again_at));
      return;
    case Notice::Kind::run_tracked:
      log_->info("{}  late {}  accepted{}", about(*notice.run), spoken(lateness(*notice.run)),
                 notice.report->remote_id.empty() ? "" : " as " + notice.report->remote_id);
      return;
    case Notice::Kind::breaker:
      breaker_changed(notice);
      return;
    case Notice::Kind::run_skipped:
      ++skipped_;
      log_->warn("{}  skipped: {}", about(*notice.run), notice.run->reason);
      return;
    case Notice::Kind::run_fenced:
      log_->warn(
          "{}  outcome dropped: another daemon has this run now, or it was deleted with its flow",
          about(*notice.run));
      return;
    case Notice::Kind::run_unserved:
      log_->warn(
          "{}  waits: no executor named '{}' here; add [executors.{}] or change the schedule",
          about(*notice.run), notice.run->executor, notice.run->executor);
      return;
    case Notice::Kind::gap:
      missed_ += notice.gap->count;
      log_->warn("{}  {} occurrences from {} to {} will not run: {} ({})", notice.text,
                 notice.gap->count, core::rfc3339(notice.gap->from), core::rfc3339(notice.gap->to),
                 store::word(notice.gap->reason), what_runs(*notice.gap));
      return;
    case Notice::Kind::job_spread:
      log_->log(notice.level == store::LogLevel::warn ? spdlog::level::warn : spdlog::level::info,
                "{}  {}  batch job {}: {}", who(*notice.run), when(*notice.run),
                to_string(notice.run->id), notice.text);
      return;
    case Notice::Kind::run_late:
      log_->warn("{}  starts {} late, more than the {} it may be", about(*notice.run),
                 spoken(notice.late_by), spoken(notice.run->late_after));
      return;
    case Notice::Kind::run_on_time:
      log_->info("{}  in time again", about(*notice.run));
      return;
    case Notice::Kind::paused:
    case Notice::Kind::resumed:
      log_->warn("{} (rruled schedule show {})", notice.text, to_string(*notice.schedule_id));
      return;
    case Notice::Kind::quarantined:
      log_->error(
          "{}; set aside until it is changed, or can be used after a reload"
          " (rruled schedule show {})",
          notice.text, to_string(*notice.schedule_id));
      return;
    case Notice::Kind::shortage:
      log_->error("runs could not be sent, and are tried again each second: {}", notice.text);
      return;
    case Notice::Kind::store_failed:
      if (trouble_.is_news(notice.text, clock_.steady()))
        log_->error("the store failed, trying again: {}", notice.text);
      return;
  }
}

void Journal::on_clock_step(WhoseClock whose, milliseconds step) {
  log_->warn("{} was set {} {}", whose == WhoseClock::store ? "the store's clock" : "the clock",
             step.count() < 0 ? "back by" : "forward by", spoken(std::chrono::abs(step)));
}

void Journal::sum_up() {
  const auto total = std::accumulate(lateness_.begin(), lateness_.end(), std::uint64_t{0});
  std::string lateness;
  if (total > 0) {
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    while (bucket < kLatenessBuckets && (seen += lateness_[bucket]) * 2 < total) ++bucket;
    const milliseconds half(std::int64_t{1} << bucket);
    lateness = "; half were late by at most " + spoken(std::min(lateness_max_, half)) +
               ", the latest by " + spoken(lateness_max_);
  }
  log_->info(
      "{} runs completed, {} failed, {} cancelled, {} attempts tried again, {} skipped,"
      " {} missed{}",
      completed_, failed_, cancelled_, retried_, skipped_, missed_, lateness);
}

}  // namespace rruled::io
