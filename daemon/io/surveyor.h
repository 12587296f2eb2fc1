#pragma once

#include "daemon/io/clock.h"
#include "store/survey.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <spdlog/logger.h>

#include <functional>
#include <memory>

namespace rruled::io {

// Looks at the whole store now and then, on the store's thread: every 15 s, and never more than a
// hundredth of the time, so that what is due goes first. Io thread only. All given outlive it.
class Surveyor {
 public:
  using Hear = std::function<void(const store::Survey&)>;

  // `hear` is called on the io thread.
  Surveyor(boost::asio::any_io_executor io,
           store::Store& store,
           boost::asio::thread_pool& store_thread,
           const Clock& clock,
           std::shared_ptr<spdlog::logger> log,
           Hear hear);

  // Goes on until stop().
  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop();

 private:
  store::Store& store_;
  boost::asio::thread_pool& store_thread_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const Hear hear_;
  boost::asio::steady_timer timer_;
  bool stopped_ = false;
};

}  // namespace rruled::io
