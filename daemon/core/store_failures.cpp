#include "daemon/core/store_failures.h"

#include "daemon/core/overloaded.h"

#include <algorithm>
#include <chrono>

namespace rruled::core {
namespace {

using std::chrono::milliseconds;
using What = StoreFailed::What;

constexpr milliseconds kBackoffMin{100};
constexpr milliseconds kBackoffMax{5'000};
// What need not be asked again (nothing is due any more, no claim is held) has not failed for ever.
constexpr milliseconds kForgottenAfter = 2 * kBackoffMax;

std::optional<What> done_by(const Completion& completion) {
  using Done = std::optional<What>;
  return std::visit(Overloaded{[](const Loaded&) -> Done { return What::load; },
                               [](const Settled&) -> Done { return What::settle; },
                               [](const Claimed&) -> Done { return What::claim; },
                               [](const Held&) -> Done { return What::review; },
                               [](const Extended&) -> Done { return What::extend; },
                               [](const Recovered&) -> Done { return What::recover; },
                               [](const Finished&) -> Done { return What::finish; },
                               [](const HandedBack&) -> Done { return What::hand_back; },
                               [](const JobsEnded&) -> Done { return What::end_jobs; },
                               [](const Expired&) -> Done { return What::expire; },
                               [](const auto&) -> Done { return std::nullopt; }},
                    completion);
}

// What somebody else could write (Changed) is none, but that all is to be read again may come of a
// new connection alone.
bool is_read(const Completion& completion) {
  const auto* changed = std::get_if<Changed>(&completion);
  if (changed && changed->changes.many) return true;
  const auto* expired = std::get_if<Expired>(&completion);
  return std::holds_alternative<Loaded>(completion) || std::holds_alternative<Held>(completion) ||
         std::holds_alternative<JobsEnded>(completion) || (expired && expired->runs.empty());
}

// The others are tried until they succeed, so that an outage of theirs has an end.
bool is_passing(What what) {
  return what == What::load || what == What::review || what == What::expire ||
         what == What::cancel_job || what == What::end_jobs;
}

bool is_asked_until_it_works(What what) {
  return what != What::settle && what != What::claim && what != What::extend;
}

}  // namespace

void StoreFailures::asked(const Action& action) {
  const auto note = [this](const auto& each) {
    if constexpr (requires { what_of(each); })
      kinds_[static_cast<std::size_t>(what_of(each))].asked = true;
  };
  std::visit(note, action);
}

void StoreFailures::failed(const StoreFailed& failure, Timestamp now) {
  const What what = failure.what;
  auto& kind = kinds_[static_cast<std::size_t>(what)];
  kind.asked = false;
  if (failure.refused || what == What::spread) return;
  const auto rest = [&](int in_a_row) {
    const auto wait = std::min(kBackoffMin * (1 << std::min(in_a_row, 10)), kBackoffMax);
    return now + wait - wait * (seed_ % 256) / 1'024;
  };
  if (!away_since_) away_since_ = now;
  again_at_ = rest((is_passing(what) ? failed_reads_ : failed_writes_)++);
  if (what == What::cancel_job) return;  // it is not tried again
  kind.again_at = rest(kind.in_a_row++);
  kind.failed_at = now;
}

bool StoreFailures::answered(const Completion& completion, Timestamp now) {
  const bool had_failed = failed_reads_ > 0 || failed_writes_ > 0;
  failed_reads_ = 0;
  if (!is_read(completion)) failed_writes_ = 0;
  if (const auto what = done_by(completion)) kinds_[static_cast<std::size_t>(*what)] = {};
  if (failed_writes_ == 0)
    for (std::size_t i = 0; i < kinds_.size(); ++i)
      if (!is_asked_until_it_works(static_cast<What>(i)) && !kinds_[i].asked &&
          now - kinds_[i].failed_at >= kForgottenAfter)
        kinds_[i] = {};
  if (!away()) away_since_.reset();
  return had_failed;
}

void StoreFailures::clock_set_back(Timestamp now) {
  again_at_ = std::min(again_at_, now + kBackoffMax);
  for (auto& kind : kinds_) {
    kind.again_at = std::min(kind.again_at, now + kBackoffMax);
    kind.failed_at = std::min(kind.failed_at, now);
  }
}

std::optional<Timestamp> StoreFailures::next_try(Timestamp now) const {
  std::optional<Timestamp> next;
  for (const auto& kind : kinds_)
    if (kind.again_at > now && (!next || kind.again_at < *next)) next = kind.again_at;
  return next;
}

bool StoreFailures::away() const {
  return failed_reads_ > 0 || failed_writes_ > 0 ||
         std::ranges::any_of(kinds_, [](const Kind& kind) { return kind.in_a_row > 0; });
}

}  // namespace rruled::core
