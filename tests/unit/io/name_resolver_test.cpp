#include "daemon/io/name_resolver.h"

#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using io::NameResolver;
using std::chrono::steady_clock;

constexpr auto kPatience = 10s;

const NameResolver::Answer kFound{
    {}, {{boost::asio::ip::address_v4::loopback(), 80}, {boost::asio::ip::address_v4::any(), 81}}};

// Look-ups that hang until they are told to end.
class HangingSystem {
 public:
  NameResolver::Ask ask() {
    // Held by the resolver and its thread alone: it goes with the last of them.
    const std::shared_ptr<void> last(nullptr, [gone = gone_](void*) { gone->set_value(); });
    return [begun = begun_, end = end_.get_future().share(), calls = calls_, last](
               const std::string&, std::uint16_t) {
      if (calls->fetch_add(1) == 0) begun->set_value();
      end.wait();
      return kFound;
    };
  }

  [[nodiscard]] bool begun() { return has_come(*begun_); }
  void end() { end_.set_value(); }
  // Ends the look-ups after `let_go`; if that waits for them, before, so that it does not for ever.
  // False: it did.
  [[nodiscard]] bool end_after(const std::function<void()>& let_go) {
    Signal went;
    auto watch = std::async(std::launch::async, [&] {
      const bool in_time = has_come(went);
      end();
      return in_time;
    });
    let_go();
    went.set_value();
    return watch.get();
  }
  // The thread has let go of everything.
  [[nodiscard]] bool gone() { return has_come(*gone_); }
  [[nodiscard]] int calls() const { return *calls_; }

 private:
  using Signal = std::promise<void>;
  static bool has_come(Signal& signal) {
    return signal.get_future().wait_for(kPatience) == std::future_status::ready;
  }

  std::shared_ptr<Signal> begun_ = std::make_shared<Signal>();
  std::shared_ptr<Signal> gone_ = std::make_shared<Signal>();
  std::shared_ptr<std::atomic<int>> calls_ = std::make_shared<std::atomic<int>>(0);
  Signal end_;
};

// Asks, and is too impatient to hear.
void ask_for(IoLoop& loop, NameResolver& resolver, const std::string& host) {
  const auto answer = loop.run(resolver.find(host, 80, steady_clock::now()));
  CHECK(answer.error == boost::asio::error::operation_aborted);
  CHECK(answer.addresses.empty());
}

}  // namespace

TEST_CASE("a resolver that was let go of waited for a look-up that hung") {
  HangingSystem system;
  IoLoop loop;
  auto resolver = std::make_unique<NameResolver>(loop.context.get_executor(), system.ask());
  ask_for(loop, *resolver, "a.test");
  ask_for(loop, *resolver, "b.test");
  REQUIRE(system.begun());
  CHECK(system.end_after([&] { resolver.reset(); }));
  CHECK(system.gone());
  loop.context.restart();
  CHECK(loop.context.poll() == 1);  // the answer, dropped
  CHECK(system.calls() == 1);       // nobody wants the second name any more
}

TEST_CASE("a look-up that ends after its io_context posts to nothing") {
  HangingSystem system;
  auto loop = std::make_unique<IoLoop>();
  auto resolver = std::make_unique<NameResolver>(loop->context.get_executor(), system.ask());
  ask_for(*loop, *resolver, "a.test");
  REQUIRE(system.begun());
  CHECK(system.end_after([&] {
    resolver.reset();
    loop.reset();
  }));
  CHECK(system.gone());
}

TEST_CASE("an io_context that goes with a coroutine that holds the resolver waits for nothing") {
  HangingSystem system;
  auto io = std::make_unique<boost::asio::io_context>(1);
  // As a delivery that is under way holds its executor.
  auto find = [](std::shared_ptr<NameResolver> held) -> boost::asio::awaitable<void> {
    (void)co_await held->find("a.test", 80, steady_clock::time_point::max());
  };
  boost::asio::co_spawn(*io, find(std::make_shared<NameResolver>(io->get_executor(), system.ask())),
                        [](std::exception_ptr) {});
  io->poll();
  REQUIRE(system.begun());
  CHECK(system.end_after([&] { io.reset(); }));
  CHECK(system.gone());
}

TEST_CASE("many that ask for a name wait for one look-up") {
  HangingSystem system;
  IoLoop loop;
  NameResolver resolver(loop.context.get_executor(), system.ask());
  ask_for(loop, resolver, "a.test");
  std::vector<NameResolver::Answer> answers;
  for (int i = 0; i < 2; ++i)
    boost::asio::co_spawn(loop.context,
                          resolver.find("a.test", 80, steady_clock::now() + kPatience),
                          [&](std::exception_ptr, NameResolver::Answer answer) {
                            answers.push_back(std::move(answer));
                          });
  loop.context.restart();
  loop.context.poll();
  system.end();
  loop.context.run();
  REQUIRE(answers.size() == 2);
  for (const auto& answer : answers) CHECK(answer.addresses == kFound.addresses);
  CHECK(system.calls() == 1);
  const auto later = loop.run(resolver.find("a.test", 80, steady_clock::now() + kPatience));
  CHECK(later.addresses == kFound.addresses);
  CHECK(system.calls() == 2);  // an answer is not kept
}

}  // namespace rruled::test
