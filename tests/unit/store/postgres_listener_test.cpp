#include "store/postgres_listener.h"

#include "postgres_fixture.h"
#include "sample.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace rruled::test {
namespace {

using testing::PostgresCluster;

// Counts what a listener tells.
class Told {
 public:
  void operator()() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  // False when it was not told so often within ten seconds.
  [[nodiscard]] bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return count_ >= count; });
  }
  [[nodiscard]] int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

template <class Work>
milliseconds time_of(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

}  // namespace

TEST_CASE("a listener tells of writes, and after each connect", "[postgres]") {
  if (no_postgres()) return;
  const PostgresSchema schema;
  const PostgresSchema other;
  const auto store = schema.open();
  Told told;
  std::atomic<bool> wrote = false;
  std::atomic<int> early = 0;
  auto listener = listen_to_postgres(schema.url(), schema.name(), [&] {
    if (told.count() > 0 && !wrote) ++early;
    told();
  });
  REQUIRE(told.wait_for(1));
  // Of another schema's writes it does not tell.
  const auto others = other.open();
  for (int n = 1; n <= 20; ++n) REQUIRE_FALSE(others->write(put(a_flow(n)), at(0)));
  wrote = true;
  REQUIRE_FALSE(store->write(put(a_flow(1)), at(0)));
  REQUIRE(told.wait_for(2));
  CHECK(told.count() == 2);
  CHECK(early == 0);
  // A write that was refused tells nothing.
  REQUIRE(store->write(put(a_flow(1)), at(0)));
  REQUIRE_FALSE(store->write(put(a_flow(2)), at(0)));
  REQUIRE(told.wait_for(3));
  CHECK(told.count() == 3);

  schema.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
      " AND pid <> pg_backend_pid()");
  REQUIRE(told.wait_for(4));
  REQUIRE_FALSE(store->write(put(a_flow(3)), at(0)));
  REQUIRE(told.wait_for(5));
  CHECK(time_of([&] { listener.reset(); }) < 2s);

  // Switched off, a write tells nobody.
  auto options = schema.options();
  options.notify = false;
  listener = listen_to_postgres(schema.url(), schema.name(), [&] { told(); });
  REQUIRE(told.wait_for(6));
  REQUIRE_FALSE(
      open_postgres(schema.url(), OpenMode::command, options)->write(put(a_flow(4)), at(0)));
  REQUIRE_FALSE(store->write(put(a_flow(5)), at(0)));
  REQUIRE(told.wait_for(7));
  CHECK(told.count() == 7);
}

TEST_CASE("a listener stops at once, whatever its server does", "[postgres]") {
  if (no_postgres()) return;
  PostgresCluster cluster({.fsync = false, .settings = ""});
  Told told;
  auto listener = listen_to_postgres(cluster.url(), "rruled", [&] { told(); });
  REQUIRE(told.wait_for(1));
  cluster.restart(PostgresCluster::Stop::immediate);
  REQUIRE(told.wait_for(2));
  // Away: it waits to try again.
  cluster.stop(PostgresCluster::Stop::immediate);
  CHECK(time_of([&] { listener.reset(); }) < 2s);
  // There, but silent: it is in the middle of connecting.
  cluster.start();
  cluster.freeze();
  listener = listen_to_postgres(cluster.url(), "rruled", [&] { told(); });
  CHECK(time_of([&] { listener.reset(); }) < 2s);
  cluster.thaw();
  CHECK(told.count() == 2);
}

}  // namespace rruled::test
