#include "daemon/io/drain_limit.h"

#include <unistd.h>

#include <algorithm>

namespace rruled::io {
namespace {

using std::chrono::milliseconds;

// For writing outcomes once deliveries are broken off.
constexpr milliseconds kWriteReserve{2'000};
// For commands, which are killed some time after they were told to end.
constexpr milliseconds kCommandReserve{6'000};

}  // namespace

boost::asio::awaitable<void> DrainLimit::run(Driver& driver,
                                             const core::Planner& planner,
                                             milliseconds timeout) {
  co_await pacer_.rest(std::max(milliseconds(0), timeout - kWriteReserve));
  if (pacer_.stopped()) co_return;
  log_->warn("breaking off what is still in flight: it will be tried again at the next start");
  driver.cut_short();
  co_await pacer_.rest(kWriteReserve);
  if (!pacer_.stopped() && planner.load().in_flight > 0) co_await pacer_.rest(kCommandReserve);
  if (pacer_.stopped()) co_return;
  const auto load = planner.load();
  log_->error(
      "{} deliveries did not end, and the outcomes of {} runs could not be written: they are left"
      " to the next start, which tries them again with the same key",
      load.in_flight, load.unwritten);
  log_->flush();
  ::_exit(0);
}

}  // namespace rruled::io
