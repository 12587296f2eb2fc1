#pragma once

#include "daemon/io/run_on.h"
#include "store/audience.h"
#include "store/directory.h"
#include "store/store.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

namespace rruled::api {

// What takes longer than a request may: of all backends of a pool together. There are few threads,
// so one works so at a time (a deletion, or a count of an audience), and is broken off when the
// pool stops.
struct LongWork {
  std::mutex turn;
  std::stop_source stop;
};

// One open store with what stands beside it. Used from one thread at a time.
struct Backend {
  std::shared_ptr<store::Store> store;
  std::shared_ptr<store::Directory> directory;
  std::shared_ptr<store::Audience> audience{};  // made when first asked for
  std::shared_ptr<LongWork> long_work{};        // the pool's
};
// Throws store::StoreError.
using BackendOpener = std::function<Backend()>;

// Threads that may block, each with a store of its own. The constructor throws what opening them
// does.
class BackendPool {
 public:
  BackendPool(std::size_t threads, const BackendOpener& open) : threads_(threads) {
    for (std::size_t i = 0; i < threads; ++i) {
      idle_.push_back(open());
      idle_.back().long_work = long_work_;
    }
  }
  ~BackendPool() {
    stop();
    threads_.join();
  }
  BackendPool(const BackendPool&) = delete;
  BackendPool& operator=(const BackendPool&) = delete;

  [[nodiscard]] LongWork& long_work() { return *long_work_; }
  // Breaks off what is long, now and from now on. Thread-safe.
  void stop() { long_work_->stop.request_stop(); }

  // work(Backend&) on one of the threads; what it gives or throws comes home to the caller's
  // executor.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work&, Backend&>> run(Work work) {
    auto job = [this, work = std::move(work)]() mutable {
      const Loan loan(*this);
      return work(*loan.backend);
    };
    co_return co_await io::run_on(threads_, std::move(job));
  }

 private:
  // There are as many backends as threads: one is always there.
  struct Loan {
    explicit Loan(BackendPool& pool_) : pool(pool_) {
      const std::lock_guard lock(pool.mutex_);
      backend = std::make_unique<Backend>(std::move(pool.idle_.back()));
      pool.idle_.pop_back();
    }
    ~Loan() {
      const std::lock_guard lock(pool.mutex_);
      pool.idle_.push_back(std::move(*backend));
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    BackendPool& pool;
    std::unique_ptr<Backend> backend;
  };

  const std::shared_ptr<LongWork> long_work_ = std::make_shared<LongWork>();
  std::mutex mutex_;
  std::vector<Backend> idle_;  // guarded by mutex_
  boost::asio::thread_pool threads_;
};

}  // namespace rruled::api
