#include "daemon/io/drain_limit.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace rruled::io {
namespace {

using std::chrono::milliseconds;

// For writing outcomes once deliveries are broken off.
constexpr milliseconds kWriteReserve{2'000};
// For the rest, once the driver has ended.
constexpr milliseconds kEndMin{3'000};

}  // namespace

boost::asio::awaitable<void> DrainLimit::run(Driver& driver,
                                             const core::Planner& planner,
                                             milliseconds timeout) {
  const milliseconds slowest = driver.time_to_end();
  const milliseconds end = std::max(timeout, slowest + kWriteReserve);
  const milliseconds cut_slow = end - kWriteReserve - slowest;
  const milliseconds cut_all = std::max(cut_slow, timeout - kWriteReserve);
  end_ = Steady::now() + end;
  co_await pacer_.rest(cut_slow);
  if (!pacer_.stopped() && driver.time_to_end() > milliseconds(0)) {
    log_->warn(
        "telling commands to end: they are tried again at the next start if attempts are left");
    driver.cut_short(milliseconds(1));
  }
  co_await pacer_.rest(cut_all - cut_slow);
  if (pacer_.stopped()) co_return;
  log_->warn(
      "breaking off what is still in flight: it is tried again at the next start if attempts are"
      " left");
  driver.cut_short();
  co_await pacer_.rest(end - cut_all);
  if (pacer_.stopped()) co_return;
  const auto load = planner.load();
  log_->error(
      "{} deliveries did not end, and the outcomes of {} runs could not be written: they are left"
      " to the next start, which tries them again with the same key if attempts are left",
      load.in_flight, load.unwritten);
  log_->flush();
  ::_exit(0);
}

void DrainLimit::ended(const std::exception_ptr& failure, int exit_code) {
  pacer_.stop();
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log_->critical("{}", error.what());
  }
  const auto end = std::max(end_, Steady::now() + kEndMin);
  last_resort_ = std::jthread([log = log_, end, exit_code](const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any wake;
    wake.wait_until(lock, stop, end, [] { return false; });
    if (stop.stop_requested()) return;
    log->warn("ending although something is still asked of the store");
    log->flush();
    ::_exit(exit_code);
  });
}

}  // namespace rruled::io
