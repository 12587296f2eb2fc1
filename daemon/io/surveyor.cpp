#include "daemon/io/surveyor.h"

#include "daemon/io/run_on.h"
#include "store/open.h"

#include <algorithm>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kSurveyEvery{15};
constexpr int kShare = 100;

}  // namespace

Surveyor::Surveyor(asio::any_io_executor io,
                   Open open,
                   const Clock& clock,
                   std::shared_ptr<spdlog::logger> log,
                   Hear hear)
    : open_(std::move(open)),
      clock_(clock),
      log_(std::move(log)),
      hear_(std::move(hear)),
      pacer_(std::move(io)) {}

store::Survey Surveyor::look(store::Timestamp now) {
  const auto began = clock_.steady();
  if (!store_) store_ = open_();
  auto found = store::survey(*store_, now);
  took_ = clock_.steady() - began;
  return found;
}

asio::awaitable<void> Surveyor::run() {
  while (!pacer_.stopped()) {
    auto rest = std::chrono::steady_clock::duration(kSurveyEvery);
    try {
      auto work = [this, now = clock_.now()] { return look(now); };
      const store::Survey found = co_await run_on(thread_, std::move(work));
      hear_(found);
      failing_ = false;
      rest = std::max(rest, took_ * kShare);
    } catch (const std::exception& error) {
      const auto level = std::exchange(failing_, true) ? spdlog::level::debug : spdlog::level::warn;
      log_->log(level, "the store could not be looked at for metrics: {}", error.what());
    }
    co_await pacer_.rest(rest);
  }
}

Surveyor::Open survey_opener(const Config::Store& store) {
  const auto mode =
      store.sqlite_file.empty() ? store::OpenMode::command : store::OpenMode::read_only;
  return [location = store.location, mode] { return store::open_store(location, mode); };
}

}  // namespace rruled::io
