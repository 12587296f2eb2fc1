#include "daemon/io/drain_limit.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// For writing outcomes once deliveries are broken off.
constexpr milliseconds kWriteReserve{2'000};
// For commands, which are killed some time after they were told to end.
constexpr milliseconds kCommandReserve{6'000};

}  // namespace

DrainLimit::DrainLimit(asio::any_io_executor io, std::shared_ptr<spdlog::logger> log)
    : timer_(std::move(io)), log_(std::move(log)) {}

void DrainLimit::ended() {
  ended_ = true;
  timer_.cancel();
}

asio::awaitable<bool> DrainLimit::passed(milliseconds wait) {
  timer_.expires_after(wait);
  boost::system::error_code cancelled;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  co_return !cancelled && !ended_;
}

asio::awaitable<void> DrainLimit::run(Driver& driver,
                                      const core::Planner& planner,
                                      milliseconds timeout) {
  if (!co_await passed(std::max(milliseconds(0), timeout - kWriteReserve))) co_return;
  log_->warn("breaking off what is still in flight: it will be tried again at the next start");
  driver.cut_short();
  if (!co_await passed(kWriteReserve)) co_return;
  if (planner.load().in_flight > 0 && !co_await passed(kCommandReserve)) co_return;
  const auto load = planner.load();
  log_->error(
      "{} deliveries did not end, and the outcomes of {} runs could not be written: they are left"
      " to the next start, which tries them again with the same key",
      load.in_flight, load.unwritten);
  log_->flush();
  ::_exit(0);
}

}  // namespace rruled::io
