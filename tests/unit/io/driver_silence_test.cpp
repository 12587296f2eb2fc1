// A store that neither answers nor fails.
#include "store/memory_store.h"
#include "tests/unit/io/driven.h"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <future>
#include <string>
#include <vector>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Lets time pass while the store hangs, and lets the store go after some turns.
class HearsSilence final : public io::Observer {
 public:
  explicit HearsSilence(Driven& driven) : driven_(driven) {}
  void on_store_silence(std::string_view asked, std::chrono::nanoseconds out_for) override {
    heard.emplace_back(asked);
    out_long = out_for >= 35s;
  }
  void on_turn(const core::Planner::Load& load) override {
    boost::asio::post(driven_.io, [this] { driven_.driver->wake(); });
    away.push_back(load.store_away);
    if (away.size() == 3) driven_.machine.pass(34s);
    if (away.size() == 6) driven_.machine.pass(2s);
    if (away.size() == 9) let_go.set_value();
    if (away.size() > 9 && !load.store_away) driven_.driver->stop();
  }
  std::vector<std::string> heard{};
  std::vector<bool> away{};  // at each turn
  bool out_long = false;
  std::promise<void> let_go{};

 private:
  Driven& driven_;
};

}  // namespace

TEST_CASE("a store that hung was up, and nothing was said of it") {
  store::MemoryStore store;
  Driven here(store);
  HearsSilence observer(here);
  boost::asio::post(here.store_thread, [&] { observer.let_go.get_future().wait(); });
  here.begin({}, observer);
  here.run();
  REQUIRE(here.ended);
  CHECK(observer.heard.size() == 1);
  CHECK(observer.out_long);
  REQUIRE(observer.away.size() > 9);
  for (std::size_t turn = 0; turn < 9; ++turn) CHECK(observer.away[turn] == (turn >= 6));
  CHECK_FALSE(observer.away.back());
}

}  // namespace rruled::test
