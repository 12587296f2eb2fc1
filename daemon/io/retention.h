#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/config.h"
#include "daemon/io/pacer.h"
#include "store/store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <memory>

namespace rruled::io {

// Removes old runs, gaps and lines of both logs (Store::prune), a small batch at a time on the
// store's thread, with a pause as long as the batch took after each, so that what is due goes
// first. Rows that are old and stay (their schedule's window is longer) are looked at in every
// round: at most a hundredth of the time goes into that. Io thread only. All given outlive it.
class Retention {
 public:
  Retention(boost::asio::any_io_executor io,
            store::Store& store,
            boost::asio::thread_pool& store_thread,
            const Clock& clock,
            Config::Retention limits,
            std::shared_ptr<spdlog::logger> log);

  // Goes on until stop(). A fault, of the store or another, is said, and tried again at the next
  // round.
  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop() { pacer_.stop(); }
  // From the next batch on.
  void set_limits(Config::Retention limits) { limits_ = limits; }
  // From the end of the last round to the next one.
  [[nodiscard]] std::chrono::steady_clock::duration pause() const;

 private:
  [[nodiscard]] boost::asio::awaitable<void> round();

  store::Store& store_;
  boost::asio::thread_pool& store_thread_;
  const Clock& clock_;
  Config::Retention limits_;
  std::shared_ptr<spdlog::logger> log_;
  Pacer pacer_;
  // What the last round spent on batches that removed nothing.
  std::chrono::steady_clock::duration in_vain_{0};
};

}  // namespace rruled::io
