#include "daemon/io/surveyor.h"

#include "daemon/io/run_on.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kEvery{15};
constexpr int kShare = 100;

}  // namespace

Surveyor::Surveyor(asio::any_io_executor io,
                   store::Store& store,
                   asio::thread_pool& store_thread,
                   const Clock& clock,
                   std::shared_ptr<spdlog::logger> log,
                   Hear hear)
    : store_(store),
      store_thread_(store_thread),
      clock_(clock),
      log_(std::move(log)),
      hear_(std::move(hear)),
      timer_(std::move(io)) {}

void Surveyor::stop() {
  stopped_ = true;
  timer_.cancel();
}

asio::awaitable<void> Surveyor::run() {
  while (!stopped_) {
    auto took = std::make_shared<std::chrono::steady_clock::duration>();
    try {
      auto look = [this, took, now = clock_.now()] {
        const auto began = clock_.steady();  // without the wait for the thread
        auto found = store::survey(store_, now);
        *took = clock_.steady() - began;
        return found;
      };
      const store::Survey found = co_await run_on(store_thread_, std::move(look));
      hear_(found);
    } catch (const store::StoreError& error) {
      log_->debug("the store could not be looked at for metrics: {}", error.what());
    }
    if (stopped_) co_return;
    timer_.expires_after(std::max<std::chrono::steady_clock::duration>(kEvery, *took * kShare));
    boost::system::error_code cancelled;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

}  // namespace rruled::io
