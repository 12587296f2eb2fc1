#include "daemon/io/driver.h"

#include <boost/asio/post.hpp>

#include <functional>

// What the driver keeps an eye on: clocks that are set, what others write, a store that is silent.
namespace rruled::io {
namespace {

using std::chrono::milliseconds;

// How soon a write by another process is seen: where looking costs nothing, and where a daemon is
// told by notification and looks only in case one was lost.
constexpr milliseconds kWatchEvery{200};
constexpr milliseconds kPollEvery{5'000};
// Longer than one statement may take (PostgresOptions::statement_timeout), whose limit is the
// server's: it does not hold it when it hangs. What waits for the store's thread waits, too.
constexpr milliseconds kSilentAfter{35'000};

}  // namespace

void Driver::look_at_clocks() {
  // Not the store's: that one is only as right as it was last measured.
  const auto wall = clock_.machine().now();
  const auto steady = clock_.steady();
  const auto step = std::chrono::duration_cast<milliseconds>(wall - wall_) -
                    std::chrono::duration_cast<milliseconds>(steady - steady_);
  wall_ = wall;
  steady_ = steady;
  if (std::chrono::abs(step) <= kClockStepMin) return;
  note_clock_step(WhoseClock::machine, step);
  look();  // how far it is from the store's clock now
}

void Driver::note_clock_step(WhoseClock whose, milliseconds step) {
  if (step > milliseconds(0)) recover_from_ = clock_.steady() + heartbeat_;
  observer_.on_clock_step(whose, step);
}

// By a clock that was set forward, what others hold has lapsed before they could extend it. On the
// store's thread.
bool Driver::was_set_forward() {
  const auto step = clock_.measure(store_.store);
  if (step != milliseconds(0))
    boost::asio::post(io_, [this, step] { note_clock_step(WhoseClock::store, step); });
  return step > milliseconds(0) || clock_.steady() < recover_from_.load();
}

void Driver::listen_to_silence() {
  const auto now = clock_.steady();
  const bool silent = !out_.empty() && now - out_.begin()->first >= kSilentAfter;
  if (silent && !silent_)
    observer_.on_store_silence(out_.begin()->second, now - out_.begin()->first);
  silent_ = silent;
  planner_.set_store_silent(silent);
}

void Driver::look() {
  look_now_ = true;
  watch_timer_.cancel();
}

// Daemons that share a store do not look in the same moment.
milliseconds Driver::until_next_look() const {
  if (look_now_) return milliseconds(0);
  if (!shared_) return kWatchEvery;
  const auto mixed = std::hash<store::OwnerId>()(claimant_.owner) + looks_ * 0x9E3779B97F4A7C15ULL;
  return kPollEvery * 4 / 5 + kPollEvery * static_cast<int>(mixed >> 56U) / 640;  // 80 to 120 %
}

}  // namespace rruled::io
