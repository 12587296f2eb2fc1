#pragma once

#include "daemon/io/clock.h"
#include "store/types.h"
#include "tests/support/temp_dir.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace rruled::test {

// The wall clock ticks one millisecond each time it is read; the steady one can be moved on.
class FakeClock final : public io::Clock {
 public:
  explicit FakeClock(store::Timestamp start) : now_(start.time_since_epoch().count()) {}
  [[nodiscard]] store::Timestamp now() const override {
    return store::Timestamp(std::chrono::milliseconds(now_++));
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now() + ahead;
  }
  [[nodiscard]] std::chrono::nanoseconds since_boot() const override {
    return steady().time_since_epoch();
  }
  void advance(std::chrono::milliseconds by) { now_ += by.count(); }
  std::chrono::milliseconds ahead{0};

 private:
  mutable std::atomic<std::chrono::milliseconds::rep> now_;
};

inline constexpr store::Timestamp kStart{std::chrono::milliseconds(1'767'258'000'000)};  // 09:00Z

// An io thread for tests: the test's own.
class IoLoop {
 public:
  boost::asio::io_context context{1};

  // Runs the loop until `work` is done. Throws what it threw.
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr failure;
    auto done = [&](std::exception_ptr thrown, T value) {
      failure = std::move(thrown);
      result = std::move(value);
    };
    boost::asio::co_spawn(context, std::move(work),
                          boost::asio::bind_cancellation_slot(signal_.slot(), std::move(done)));
    context.restart();
    while (!result && !failure)
      if (context.run_one() == 0) throw std::logic_error("the loop ran dry before the work ended");
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  // Cancels the work under way, as the driver does. From any thread.
  void cancel() {
    boost::asio::post(context, [this] { signal_.emit(boost::asio::cancellation_type::terminal); });
  }
  // `work`, cancelled while it waits for the first time.
  template <class T>
  boost::asio::awaitable<T> cancel_at_first_wait(boost::asio::awaitable<T> work) {
    cancel();
    co_return co_await std::move(work);
  }

 private:
  boost::asio::cancellation_signal signal_;
};

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

inline std::string write_file(const TempDir& dir,
                              const std::string& name,
                              const std::string& text) {
  std::ofstream(dir.file(name), std::ios::binary) << text;
  return dir.file(name);
}

inline store::Run sample_run() {
  store::Run run;
  run.id = *store::parse_id<store::RunId>("0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f");
  run.project_id = 7;
  run.flow_id = *store::parse_id<store::FlowId>("01890000-0000-7000-8000-000000000001");
  run.schedule_id = *store::parse_id<store::ScheduleId>("01890000-0000-7000-8000-000000000002");
  run.kind = store::RunKind::batch_job;
  run.origin = store::RunOrigin::schedule;
  run.scheduled_for = std::chrono::floor<std::chrono::seconds>(kStart);
  run.due_at = kStart + std::chrono::milliseconds(250);
  run.flow_name = "Weekly digest";
  run.variables = R"({"a": 1,  "ü":"ü"})";
  run.body = R"({"run":{"id":"x"},"variables":{"a": 1}})";
  run.attempts = 1;
  return run;
}

}  // namespace rruled::test
