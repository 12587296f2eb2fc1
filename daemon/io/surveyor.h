#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/config.h"
#include "daemon/io/pacer.h"
#include "store/survey.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <memory>

namespace rruled::io {

// Looks at the whole store now and then: every 15 s, and never more than a hundredth of the time. A
// million schedules in a file take it one or two seconds, so it has a connection and a thread of
// its own: nothing that is due waits for it. Io thread only. All given outlive it.
class Surveyor {
 public:
  using Open = std::function<std::unique_ptr<store::Store>()>;
  using Hear = std::function<void(const store::Survey&)>;

  // `open` is called on its thread, until it succeeds; `hear` on the io thread.
  Surveyor(boost::asio::any_io_executor io,
           Open open,
           const Clock& clock,
           std::shared_ptr<spdlog::logger> log,
           Hear hear);

  // Goes on until stop().
  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop() { pacer_.stop(); }

 private:
  // On its thread.
  [[nodiscard]] store::Survey look(store::Timestamp now);

  const Open open_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const Hear hear_;
  Pacer pacer_;

  // Its thread only.
  std::unique_ptr<store::Store> store_;
  std::chrono::steady_clock::duration took_{};
  bool failing_ = false;

  boost::asio::thread_pool thread_{1};  // ends before what it uses
};

// A file is read beside the daemon's own connection; of servers, the one that is written.
[[nodiscard]] Surveyor::Open survey_opener(const Config::Store& store);

}  // namespace rruled::io
