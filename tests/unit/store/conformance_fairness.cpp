// Projects share what is claimed.
#include "conformance.h"
#include "sample.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

namespace rruled::test {
namespace {

class Queue {
 public:
  explicit Queue(Store& store) : store_(store) {
    REQUIRE_FALSE(store_.write(put(a_flow()), at(0)));
    claimant_ = store_.begin_session(id_of<OwnerId>(1), at(0)).claimant;
  }

  // The next run, named by the letter of its project: "a1", "a2", "b1", ..
  void add(char project, int available, const std::string& executor = "default") {
    auto run = a_manual_run(static_cast<int>(names_.size()) + 1);
    run.project_id = project;
    run.executor = executor;
    run.available_at = at(available);
    REQUIRE_FALSE(store_.write({.runs = {run}}, at(0)));
    names_.push_back(std::string(1, project) + std::to_string(++counts_[project]));
  }
  std::string claim(std::size_t limit, const std::string& executor = "default", int now = 100) {
    const auto result = store_.claim({claimant_, executor, limit}, at(now));
    std::string text;
    for (const auto& run : result.runs)
      text += names_.at(run.id.value.data[15] - 1U + 256U * run.id.value.data[14]) + " ";
    next_ = result.next_available;
    return text;
  }
  // After the last claim().
  [[nodiscard]] std::optional<Timestamp> next() const { return next_; }

 private:
  Store& store_;
  Claimant claimant_;
  std::vector<std::string> names_;
  std::map<char, int> counts_;
  std::optional<Timestamp> next_;
};

void projects_take_turns(Store& store) {
  Queue queue(store);
  for (int n = 0; n < 10; ++n) queue.add('a', n);
  queue.add('b', 20);
  queue.add('b', 21);
  queue.add('b', 22);
  queue.add('c', 30);
  CHECK(queue.claim(6) == "a1 a2 a3 b1 b2 c1 ");
  CHECK(queue.next() == at(3));
  CHECK(queue.claim(2) == "a4 b3 ");
  // What a project does not need goes to those that have more.
  CHECK(queue.claim(4) == "a5 a6 a7 a8 ");
  CHECK(queue.next() == at(8));
  CHECK(queue.claim(4) == "a9 a10 ");
  CHECK_FALSE(queue.next());
}

void fewer_than_projects_go_by_time(Store& store) {
  Queue queue(store);
  queue.add('a', 5);
  queue.add('a', 1);
  queue.add('b', 4);
  queue.add('c', 2);
  queue.add('d', 3);
  CHECK(queue.claim(2) == "a2 c1 ");
  CHECK(queue.next() == at(3));
  CHECK(queue.claim(2) == "d1 b1 ");
  CHECK(queue.claim(2) == "a1 ");
}

void what_is_not_due_takes_no_turn(Store& store) {
  Queue queue(store);
  for (int n = 1; n <= 4; ++n) queue.add('a', n);
  queue.add('b', 101);
  queue.add('c', 100);
  queue.add('c', 150);
  CHECK(queue.claim(4) == "a1 a2 a3 c1 ");
  CHECK(queue.next() == at(4));
  CHECK(queue.claim(4) == "a4 ");
  CHECK(queue.next() == at(101));
  CHECK(queue.claim(4).empty());
  CHECK(queue.next() == at(101));
  CHECK(queue.claim(4, "default", 101) == "b1 ");
  CHECK(queue.next() == at(150));
}

void projects_take_turns_for_each_executor(Store& store) {
  Queue queue(store);
  queue.add('a', 1, "mail");
  queue.add('a', 2, "log");
  queue.add('a', 3, "mail");
  queue.add('a', 4, "log");
  queue.add('b', 10, "mail");
  queue.add('b', 11, "other");
  queue.add('c', 12, "log");
  queue.add('c', 13, "mail");
  CHECK(queue.claim(3, "mail") == "a1 b1 c2 ");
  CHECK(queue.next() == at(3));
  CHECK(queue.claim(2, "log") == "a2 c1 ");
  CHECK(queue.claim(9, "log") == "a4 ");
  CHECK_FALSE(queue.next());
  CHECK(queue.claim(9, "mail") == "a3 ");
}

void nothing_is_claimed_up_to_a_limit_of_none(Store& store) {
  Queue queue(store);
  queue.add('a', 7);
  CHECK(queue.claim(0).empty());
  CHECK(queue.next() == at(7));
  CHECK(queue.claim(9) == "a1 ");
}

void many_projects_share(Store& store) {
  Queue queue(store);
  for (int n = 0; n < 60; ++n) queue.add('a', n / 3);
  for (char project = 'b'; project <= 'k'; ++project)
    for (int n = 0; n < 3; ++n) queue.add(project, 90 + n);
  // Eleven projects, twenty-two: two each.
  const auto first = queue.claim(22);
  CHECK(first.starts_with("a1 a2 b1 c1 "));
  CHECK(first.ends_with("j2 k2 "));
  int claimed = 22;
  for (auto more = queue.claim(7); !more.empty(); more = queue.claim(7))
    claimed += static_cast<int>(std::count(more.begin(), more.end(), ' '));
  CHECK(claimed == 90);
}

}  // namespace

std::vector<Check> fairness_checks() {
  return {
      {"projects take turns", projects_take_turns},
      {"fewer than projects go by time", fewer_than_projects_go_by_time},
      {"what is not due takes no turn", what_is_not_due_takes_no_turn},
      {"projects take turns for each executor", projects_take_turns_for_each_executor},
      {"a limit of none", nothing_is_claimed_up_to_a_limit_of_none},
      {"many projects share", many_projects_share},
  };
}

}  // namespace rruled::test
