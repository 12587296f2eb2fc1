#include "daemon/io/name_resolver.h"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

NameResolver::Answer ask_system(const std::string& host, std::uint16_t port) {
  NameResolver::Answer answer;
  asio::io_context unused;  // the blocking call needs one to be made from
  tcp::resolver resolver(unused);
  const auto found =
      resolver.resolve(host, std::to_string(port), tcp::resolver::numeric_service, answer.error);
  for (const auto& entry : found) answer.addresses.push_back(entry.endpoint());
  return answer;
}

// The way from other threads to an io_context, which they may outlive. Thread-safe.
class WayBack {
 public:
  // Drops `call` once it is closed.
  template <class Call>
  void post(const asio::any_io_executor& io, Call call) {
    const std::lock_guard lock(mutex_);  // while it is held, the io_context cannot go
    if (open_) asio::post(io, std::move(call));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::mutex mutex_;
  bool open_ = true;
};

// Closes the way when the io_context begins to go: its scheduler is shut down after all services
// that were added later, and until then posting is safe.
class WayBackService final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;

  explicit WayBackService(asio::execution_context& context) : service(context) {}
  [[nodiscard]] std::shared_ptr<WayBack> way() const { return way_; }

 private:
  void shutdown() override { way_->close(); }

  const std::shared_ptr<WayBack> way_ = std::make_shared<WayBack>();
};

std::shared_ptr<WayBack> way_back_to(const asio::any_io_executor& io) {
  return asio::use_service<WayBackService>(asio::query(io, asio::execution::context)).way();
}

}  // namespace

// Io thread only.
struct NameResolver::Lookup {
  bool done = false;
  Answer answer;
  std::vector<std::shared_ptr<asio::steady_timer>> waiting;

  void finish(Answer found) {
    answer = std::move(found);
    done = true;
    for (const auto& each : waiting) each->cancel();
    waiting.clear();
  }
};

// What the thread shares with the resolver, and may outlive it with. Thread-safe.
class NameResolver::Desk : public std::enable_shared_from_this<Desk> {
 public:
  // Not locked but on the io thread: a Lookup has timers, which must not end anywhere else.
  struct Question {
    std::string host;
    std::uint16_t port = 0;
    std::weak_ptr<Lookup> lookup;
  };

  Desk(const asio::any_io_executor& io, Ask ask)
      : io_(io), way_(way_back_to(io)), ask_(std::move(ask)) {}

  // False: the machine has no thread to spare.
  [[nodiscard]] bool put(Question question) {
    const std::lock_guard lock(mutex_);
    questions_.push_back(std::move(question));
    if (working_) return true;
    try {
      std::thread(&Desk::work, shared_from_this()).detach();
    } catch (const std::system_error&) {
      questions_.clear();
      return false;
    }
    working_ = true;
    return true;
  }
  // What has not been asked will not be.
  void close() {
    const std::lock_guard lock(mutex_);
    questions_.clear();
  }

 private:
  void work() {
    while (auto question = next()) {
      auto finish = [lookup = std::move(question->lookup),
                     answer = ask_(question->host, question->port)]() mutable {
        if (const auto asked = lookup.lock()) asked->finish(std::move(answer));
      };
      way_->post(io_, std::move(finish));
    }
  }
  std::optional<Question> next() {
    const std::lock_guard lock(mutex_);
    working_ = !questions_.empty();
    if (!working_) return std::nullopt;
    std::optional<Question> first(std::move(questions_.front()));
    questions_.pop_front();
    return first;
  }

  // Constant after construction.
  const asio::any_io_executor io_;  // a pointer: its io_context may be gone when it is destroyed
  const std::shared_ptr<WayBack> way_;
  const Ask ask_;

  std::mutex mutex_;
  std::deque<Question> questions_;
  bool working_ = false;  // a thread takes questions
};

NameResolver::NameResolver(asio::any_io_executor io) : NameResolver(std::move(io), ask_system) {}

NameResolver::NameResolver(asio::any_io_executor io, Ask ask)
    : io_(std::move(io)), desk_(std::make_shared<Desk>(io_, std::move(ask))) {}

NameResolver::~NameResolver() { desk_->close(); }

std::shared_ptr<NameResolver::Lookup> NameResolver::lookup(const std::string& host,
                                                           std::uint16_t port) {
  auto& current = lookups_[{host, port}];
  if (current && !current->done) return current;
  current = std::make_shared<Lookup>();
  if (!desk_->put({host, port, current})) current->finish({asio::error::try_again, {}});
  return current;
}

asio::awaitable<NameResolver::Answer> NameResolver::find(
    std::string host, std::uint16_t port, std::chrono::steady_clock::time_point deadline) {
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) co_return Answer{{}, {tcp::endpoint(address, port)}};

  const auto found = lookup(host, port);
  if (found->done) co_return found->answer;  // there was no thread to ask on
  const auto timer = std::make_shared<asio::steady_timer>(io_, deadline);
  found->waiting.push_back(timer);
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (found->done) co_return found->answer;
  std::erase(found->waiting, timer);
  co_return Answer{asio::error::operation_aborted, {}};
}

}  // namespace rruled::io
