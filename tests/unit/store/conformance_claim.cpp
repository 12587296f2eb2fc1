#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

void add(Store& store, int n, int available, const std::string& executor = "default") {
  auto run = a_manual_run(n);
  run.executor = executor;
  run.available_at = at(available);
  REQUIRE_FALSE(store.write({.runs = {run}}, at(0)));
}

void claims_in_order_of_time(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  add(store, 4, 10);
  add(store, 3, 20);
  add(store, 2, 10);
  add(store, 1, 31);
  const auto result = store.claim({claimant, {"default"}}, at(30));
  CHECK(numbers(result.runs) == "2 4 3");
  CHECK(result.next_available == at(31));
  for (const auto& run : result.runs) {
    CHECK(run.status == RunStatus::dispatching);
    CHECK(run.owner == claimant.owner);
    CHECK(run.attempts == 1);
    CHECK(run.fence == 1);
    CHECK(show(store.run(run.id)) == show(run));
  }
  // Claimed once.
  CHECK(store.claim({claimant, {"default"}}, at(30)).runs.empty());
  // Available to the millisecond.
  CHECK(store.claim({claimant, {"default"}}, at(31) - 1ms).runs.empty());
  const auto last = store.claim({claimant, {"default"}}, at(31));
  CHECK(numbers(last.runs) == "1");
  CHECK_FALSE(last.next_available);
}

void claims_up_to_the_limit(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  for (int n = 1; n <= 5; ++n) add(store, n, n);
  auto result = store.claim({claimant, {"default"}, 2}, at(30));
  CHECK(numbers(result.runs) == "1 2");
  CHECK(result.next_available == at(3));
  result = store.claim({claimant, {"default"}, 3}, at(30));
  CHECK(numbers(result.runs) == "3 4 5");
  CHECK_FALSE(result.next_available);
}

void claims_only_for_its_executor(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  add(store, 1, 1, "mail");
  add(store, 2, 2, "log");
  add(store, 3, 3, "mail");
  add(store, 4, 4, "other");
  add(store, 5, 50, "mail");
  CHECK(store.claim({claimant, "default"}, at(30)).runs.empty());
  CHECK_FALSE(store.claim({claimant, "default"}, at(30)).next_available);
  const auto result = store.claim({claimant, "mail"}, at(30));
  CHECK(numbers(result.runs) == "1 3");
  CHECK(result.next_available == at(50));
  CHECK(numbers(store.claim({claimant, "other", 1}, at(30)).runs) == "4");
  CHECK(numbers(store.claim({claimant, "log"}, at(30)).runs) == "2");
}

void claims_retries(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  add(store, 1, 1);
  const auto first = store.claim({claimant, {"default"}}, at(1)).runs.at(0);
  auto finish = a_finish(first, RunStatus::retrying, at(2));
  finish.available_at = at(20);
  CHECK(store.finish({finish}, claimant, at(2)).at(0).written);
  auto result = store.claim({claimant, {"default"}}, at(19));
  CHECK(result.runs.empty());
  CHECK(result.next_available == at(20));
  result = store.claim({claimant, {"default"}}, at(20));
  REQUIRE(result.runs.size() == 1);
  CHECK(result.runs[0].attempts == 2);
  CHECK(result.runs[0].fence > first.fence);
}

void hands_back_what_was_not_sent(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  add(store, 1, 1);
  const auto first = store.claim({claimant, {"default"}}, at(5)).runs.at(0);
  store.hand_back({{first.id, first.fence}}, claimant);
  const auto back = *store.run(first.id);
  CHECK(back.status == RunStatus::pending);
  CHECK(back.attempts == 0);
  CHECK(back.available_at == at(1));
  CHECK(store.attempts(first.id).empty());
  // Again: nothing.
  store.hand_back({{first.id, first.fence}}, claimant);
  CHECK(show(store.run(first.id)) == show(back));
  const auto second = store.claim({claimant, {"default"}}, at(5)).runs.at(0);
  CHECK(second.attempts == 1);
  CHECK(second.fence > first.fence);
  // The claim before holds nothing now, nor does a run that does not exist.
  store.hand_back({{first.id, first.fence}, {run_id(9), 1}}, claimant);
  CHECK(store.run(first.id)->status == RunStatus::dispatching);
  (void)store.finish({a_finish(second, RunStatus::completed, at(6))}, claimant, at(6));
  store.hand_back({{second.id, second.fence}}, claimant);
  CHECK(store.run(first.id)->status == RunStatus::completed);
}

void hands_back_what_was_tried_before(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  add(store, 1, 1);
  const auto first = store.claim({claimant, {"default"}}, at(5)).runs.at(0);
  auto retry = a_finish(first, RunStatus::retrying, at(6));
  retry.available_at = at(7);
  (void)store.finish({retry}, claimant, at(6));
  const auto second = store.claim({claimant, {"default"}}, at(7)).runs.at(0);
  store.hand_back({{second.id, second.fence}}, claimant);
  // It has begun: it goes by its retries, not by its window.
  CHECK(store.run(first.id)->status == RunStatus::retrying);
  CHECK(store.run(first.id)->attempts == 1);
  CHECK(store.claim({claimant, {"default"}}, at(7)).runs.size() == 1);
}

void hands_back_what_was_settled(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  REQUIRE_FALSE(store.write(put(a_schedule()), at(0)));
  const auto run =
      store
          .settle({a_settlement(a_schedule(), {a_run(a_schedule(), kStart)}, nominal(9))}, claimant,
                  at(1))
          .at(0)
          .claimed.at(0);
  store.hand_back({{run.id, run.fence}}, claimant);
  CHECK(store.run(run.id)->available_at == run.due_at);
  CHECK(store.claim({claimant, {"default"}}, at(1)).runs.size() == 1);
}

void tells_what_is_held(Store& store) {
  const auto claimant = begin_with_schedules(store, 0);
  CHECK(store.held(claimant).empty());
  REQUIRE_FALSE(store.write(put(a_schedule()), at(0)));
  const auto settled =
      store
          .settle({a_settlement(a_schedule(),
                                {a_run(a_schedule(), nominal(0)), a_run(a_schedule(), nominal(1))},
                                nominal(9))},
                  claimant, at(1))
          .at(0)
          .claimed;
  add(store, 2, 1);
  add(store, 1, 1);
  add(store, 3, 99);
  const auto claimed = store.claim({claimant, {"default"}}, at(1)).runs;
  REQUIRE(claimed.size() == 2);
  auto expected = std::vector{claimed[0], claimed[1], settled[0], settled[1]};
  std::sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.id < b.id; });
  CHECK(show(store.held(claimant)) == show(expected));

  (void)store.finish({a_finish(settled[0], RunStatus::completed, at(2)),
                      a_finish(settled[1], RunStatus::retrying, at(2))},
                     claimant, at(2));
  store.hand_back({{claimed[0].id, claimed[0].fence}}, claimant);
  CHECK(show(store.held(claimant)) == show(std::vector{claimed[1]}));
}

}  // namespace

std::vector<Check> claim_checks() {
  return {
      {"claims in order of time", claims_in_order_of_time},
      {"claims up to the limit", claims_up_to_the_limit},
      {"claims only for its executor", claims_only_for_its_executor},
      {"claims retries", claims_retries},
      {"hands back what was not sent", hands_back_what_was_not_sent},
      {"hands back what was tried before", hands_back_what_was_tried_before},
      {"hands back what was settled", hands_back_what_was_settled},
      {"tells what is held", tells_what_is_held},
  };
}

}  // namespace rruled::test
