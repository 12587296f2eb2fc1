#include "daemon/io/outbound_queue.h"

#include "tests/support/loopback_receiver.h"
#include "tests/unit/io/io_fixture.h"

#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using io::OutboundQueue;
using Result = OutboundQueue::Result;

struct QueueSetup {
  explicit QueueSetup(OutboundQueue::Limits limits)
      : queue(io.get_executor(),
              clock,
              *io::HttpClient::create(io.get_executor(), clock, {.tls = false}),
              limits,
              [this](Result result, const std::string& text) { told.emplace_back(result, text); }) {
    receiver.on_request([this] { boost::asio::post(io, [] {}); });
  }

  void put(const std::string& target, const std::string& lane) {
    io::HttpRequest request;
    request.host = "127.0.0.1";
    request.port = receiver.port();
    request.target = target;
    queue.put(std::move(request), lane);
  }
  void begin() { boost::asio::co_spawn(io, queue.run(), boost::asio::detached); }

  [[nodiscard]] auto count(Result result) const {
    return std::ranges::count(told, result, &std::pair<Result, std::string>::first);
  }
  // Turn the loop until so many have come to that end, or have come to the receiver. False: they
  // did not within ten seconds.
  [[nodiscard]] bool wait_for(Result result, int number) {
    return turn_until([&] { return count(result) >= number; });
  }
  [[nodiscard]] bool wait_for_requests(std::size_t number) {
    return turn_until([&] { return receiver.requests().size() >= number; });
  }
  // What came so far.
  [[nodiscard]] std::vector<std::string> targets() const {
    std::vector<std::string> all;
    for (const auto& request : receiver.requests()) all.push_back(request.target);
    return all;
  }

  boost::asio::io_context io{1};
  LoopbackReceiver receiver;
  FakeClock clock{kStart};
  std::vector<std::pair<Result, std::string>> told;
  OutboundQueue queue;

 private:
  bool turn_until(const std::function<bool()>& done) {
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < patience) io.run_one_until(patience);
    return done();
  }
};

using Targets = std::vector<std::string>;

}  // namespace

TEST_CASE("a webhook that was taken was sent again when its answer broke off") {
  QueueSetup setup({.backoff = 1h});
  setup.receiver.answer(
      {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", .close = true});
  setup.begin();
  setup.put("/hook", "a");
  CHECK(setup.wait_for(Result::sent, 1));
}

TEST_CASE("a ping that was answered 503 held up the pings of all other schedules") {
  QueueSetup setup({.backoff = 1h});
  setup.receiver.answer({.status = 503});
  setup.begin();
  setup.put("/a", "a");
  REQUIRE(setup.wait_for_requests(1));
  setup.put("/b", "b");
  setup.put("/c", "c");
  REQUIRE(setup.wait_for(Result::sent, 2));
  const auto targets = setup.targets();
  CHECK(targets.front() == "/a");
  CHECK(targets.size() == 3);
  CHECK(setup.queue.size() == 1);

  SECTION("and goes again once it has rested") {
    setup.clock.ahead = 1h;
    setup.put("/d", "d");  // it also has the queue look at the clock
    REQUIRE(setup.wait_for(Result::sent, 4));
    CHECK(std::ranges::count(setup.targets(), "/a") == 2);
    CHECK(setup.queue.size() == 0);
  }
  CHECK(setup.count(Result::failed) == 0);
}

TEST_CASE("what follows in a lane waits for the one before it to be tried again") {
  QueueSetup setup({.backoff = 1h});
  setup.receiver.answer({.status = 503});
  setup.begin();
  setup.put("/a1", "a");
  setup.put("/a2", "a");
  REQUIRE(setup.wait_for_requests(1));
  setup.put("/b", "b");
  REQUIRE(setup.wait_for(Result::sent, 1));
  CHECK(setup.targets() == Targets{"/a1", "/b"});
  setup.clock.ahead = 1h;
  setup.put("/b2", "b");
  REQUIRE(setup.wait_for(Result::sent, 4));
  auto of_a = setup.targets();
  std::erase_if(of_a, [](const std::string& target) { return target.starts_with("/b"); });
  CHECK(of_a == Targets{"/a1", "/a1", "/a2"});
}

TEST_CASE("lanes are sent side by side, up to a limit") {
  QueueSetup setup({.at_once_max = 2});
  setup.receiver.always_answer({.held = true});
  setup.begin();
  for (const char* lane : {"a", "b", "c"}) setup.put(std::string("/") + lane, lane);
  REQUIRE(setup.wait_for_requests(2));
  CHECK(setup.queue.size() == 1);
  setup.io.poll();
  CHECK(setup.receiver.requests().size() == 2);
  setup.receiver.release();
  CHECK(setup.wait_for(Result::sent, 3));
}

TEST_CASE("a request is given up after its last attempt, by its own count") {
  QueueSetup setup({.attempts_max = 3, .backoff = 0ms});
  setup.receiver.always_answer({.status = 429});
  setup.begin();
  setup.put("/a", "a");
  setup.put("/b", "b");
  REQUIRE(setup.wait_for(Result::failed, 2));
  CHECK(setup.receiver.requests().size() == 6);
  CHECK(setup.told.front().second == "HTTP 429");
  CHECK(setup.queue.size() == 0);
}

TEST_CASE("each request that was dropped got a line of its own") {
  QueueSetup setup({.length_max = 4});
  for (int i = 0; i < 7; ++i) setup.put("/", std::to_string(i));
  REQUIRE(setup.count(Result::dropped) == 3);
  CHECK(setup.told[0].second == "more than 4 wait");
  CHECK(setup.told[1].second.empty());
  CHECK(setup.told[2].second.empty());
  setup.begin();
  REQUIRE(setup.wait_for(Result::sent, 4));
  REQUIRE(setup.count(Result::room_again) == 1);
  const auto room =
      std::ranges::find(setup.told, Result::room_again, &std::pair<Result, std::string>::first);
  CHECK(room->second == "3");
}

}  // namespace rruled::test
