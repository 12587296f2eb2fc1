#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace rruled::io {

// Calls `call` after each `every`, on a thread of its own, for as long as it lives: for what must
// be said while this thread is busy.
//
//   const Meanwhile waiting(10s, [] { .. });
//   migrate();
class Meanwhile {
 public:
  Meanwhile(std::chrono::milliseconds every, std::function<void()> call)
      : every_(every), call_(std::move(call)), thread_([this](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          for (;;) {
            // What it gives is not used: with libstdc++ 12 it can be false for a stop.
            (void)ended_.wait_for(lock, stop, every_, [&] { return stop.stop_requested(); });
            if (stop.stop_requested()) return;
            call_();
          }
        }) {}

 private:
  const std::chrono::milliseconds every_;
  const std::function<void()> call_;
  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::jthread thread_;  // ends first
};

}  // namespace rruled::io
