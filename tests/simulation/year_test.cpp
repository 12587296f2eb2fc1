#include "store/memory_store.h"
#include "tests/support/simulation.h"

#include <catch2/catch.hpp>
#include <date/tz.h>

#include <algorithm>
#include <random>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> kZones = {"Europe/Berlin",       "America/New_York", "UTC",
                                         "Australia/Lord_Howe", "Europe/Dublin",    "Asia/Kolkata",
                                         "Pacific/Chatham",     "America/Sao_Paulo"};

#ifdef __SANITIZE_ADDRESS__
constexpr int kSchedules = 100;  // each costs ten times as much there
#else
constexpr int kSchedules = 1'000;
#endif

struct Daily {
  store::ScheduleId id;
  std::string zone;
  int hour;
  int minute;
};

// By another library and without a rule: each day's wall time, in a gap read with the offset before
// it, in a fold the first reading.
std::vector<Instant> by_brute_force(const Daily& daily, Instant from, Instant to) {
  const auto* zone = date::locate_zone(daily.zone);
  std::vector<Instant> all;
  const auto last = date::floor<date::days>(to) + date::days(2);
  for (auto day = date::floor<date::days>(from) - date::days(2); day < last; day += date::days(1)) {
    const date::local_seconds wall = date::local_days(date::year_month_day(day)) +
                                     std::chrono::hours(daily.hour) +
                                     std::chrono::minutes(daily.minute);
    const auto info = zone->get_info(wall);
    const Instant instant(wall.time_since_epoch() - info.first.offset);
    if (instant > from && instant <= to) all.push_back(instant);
  }
  return all;
}

std::vector<Daily> add_dailies(Simulation& simulation, int how_many, Instant starts_at) {
  std::mt19937 random(7);
  std::vector<Daily> dailies;
  for (int i = 0; i < how_many; ++i) {
    Daily daily{{},
                kZones[random() % kZones.size()],
                static_cast<int>(random() % 24),
                static_cast<int>(random() % 60)};
    if (i % 4 == 0) daily.hour = static_cast<int>(1 + random() % 2);  // where the clocks change
    daily.id = simulation.add("FREQ=DAILY;BYHOUR=" + std::to_string(daily.hour) +
                                  ";BYMINUTE=" + std::to_string(daily.minute) + ";BYSECOND=0",
                              starts_at, daily.zone);
    dailies.push_back(daily);
  }
  return dailies;
}

void check_against_brute_force(Simulation& simulation,
                               const std::vector<Daily>& dailies,
                               Instant from,
                               Instant to) {
  std::size_t runs = 0;
  std::size_t wrong = 0;
  auto accounts = accounts_of(simulation.store());
  for (const Daily& daily : dailies) {
    const Account& account = accounts[daily.id];
    const auto expected = by_brute_force(daily, from, to);
    runs += account.runs.size();
    if (account.runs != expected || account.in_gaps != 0) {
      ++wrong;
      UNSCOPED_INFO(daily.zone << " " << daily.hour << ":" << daily.minute << ": "
                               << account.runs.size() << " runs, expected " << expected.size());
    }
  }
  CHECK(wrong == 0);
  REQUIRE(runs > dailies.size() * 360 * static_cast<std::size_t>((to - from) / 24h) / 366);
}

void check_keys(const Simulation& simulation) {
  std::map<std::string, std::pair<std::string, Instant>> seen;
  std::size_t repeats = 0;
  std::size_t early = 0;
  for (const auto& sent : simulation.sent()) {
    const auto [known, first] =
        seen.emplace(sent.key, std::make_pair(sent.body, sent.scheduled_for));
    if (!first) ++repeats;
    if (known->second.first != sent.body || known->second.second != sent.scheduled_for)
      FAIL("two sends of " << sent.key << " differ");
    if (sent.sent_at < sent.due_at) ++early;
  }
  CHECK(early == 0);
  if (simulation.crashes() > 10) CHECK(repeats > 0);  // the cuts were where they can hurt
}

}  // namespace

TEST_CASE("a year of 1,000 daily schedules equals brute force", "[sweep]") {
  const Instant from = at("2026-01-01T00:00:00Z");
  const Instant to = at("2027-01-01T00:00:00Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {});
  simulation.keep_notices(false);
  const auto dailies = add_dailies(simulation, kSchedules, at("2020-01-01T00:00:00Z"));
  simulation.run_until(to);
  check_against_brute_force(simulation, dailies, from, to);
  CHECK(simulation.sent().size() > 364U * kSchedules);
  check_keys(simulation);
}

TEST_CASE("a year cut and restarted every N actions equals brute force", "[sweep]") {
  const auto every = GENERATE(as<std::uint64_t>{}, 11, 13, 17, 101, 1'009);
  CAPTURE(every);
  const Instant from = at("2026-01-01T00:00:00Z");
  const Instant to = at("2027-01-01T00:00:00Z");
  store::MemoryStore store;
  Simulation simulation(store, from, {.crash_every = every});
  simulation.keep_notices(false);
  const auto dailies = add_dailies(simulation, 60, at("2020-01-01T00:00:00Z"));
  simulation.run_until(to);
  CHECK(simulation.crashes() > 20);
  check_against_brute_force(simulation, dailies, from, to);
  check_keys(simulation);
  std::size_t unfinished = 0;
  for (const auto& [status, count] : store.counts().runs)
    if (status != store::RunStatus::completed) unfinished += count;
  CHECK(unfinished <= 2);  // due at the very end
}

}  // namespace rruled::test
