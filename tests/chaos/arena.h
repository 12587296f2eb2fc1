#pragma once

#include "store/ids.h"
#include "tests/support/loopback_receiver.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rruled::test {

// A database server, a receiver, schedules that are due every second, and daemons on them: what an
// experiment does something bad to, and then asks what is wrong.
class Arena {
 public:
  explicit Arena(const std::string& postgres_settings = "");

  [[nodiscard]] testing::PostgresCluster& cluster() { return *cluster_; }
  [[nodiscard]] LoopbackReceiver& receiver() { return receiver_; }
  [[nodiscard]] std::string file(const std::string& name) const { return dir_.file(name); }

  // So many schedules, due by `rule` from two seconds from now on; catchup = all.
  void add_schedules(std::size_t count, const std::string& rule = "FREQ=SECONDLY");
  // No further occurrence: the schedules are paused by a statement of their own.
  void pause_schedules();
  // Answers of the receiver at random: 500, 429, no answer after the request was read, too late an
  // answer.
  void answer_badly(unsigned seed, std::size_t requests);
  // The database remembers updates of runs that nobody may make: see problems(). Daemons must name
  // themselves: application_name is their owner id.
  void audit();

  // What is wrong now, a line each: an occurrence up to settled_to that has no outcome or two; a
  // stale write; an attempt that arrived after a later one of the same run; one key with two
  // bodies. Of `ended` runs also those that have not.
  enum class Ended { may_wait, must };
  [[nodiscard]] std::vector<std::string> problems(Ended ended);
  [[nodiscard]] std::vector<std::string> unaccounted();
  [[nodiscard]] std::vector<std::string> problems_at_receiver() const;
  [[nodiscard]] std::size_t number(const std::string& select);
  // Polls until `select` gives 0. False when it did not in time.
  [[nodiscard]] bool becomes_zero(const std::string& select, std::chrono::seconds at_most);

  // For a primary that is gone: whom to ask from now on.
  void ask(std::unique_ptr<testing::PostgresCluster> other) { cluster_ = std::move(other); }
  [[nodiscard]] std::unique_ptr<testing::PostgresCluster> give_up_cluster() {
    return std::move(cluster_);
  }

 private:
  TempDir dir_;
  std::unique_ptr<testing::PostgresCluster> cluster_;
  LoopbackReceiver receiver_;
};

// The first twenty, a line each.
[[nodiscard]] std::string joined(const std::vector<std::string>& lines);

inline constexpr char kLiveRuns[] =
    "SELECT count(*) FROM rruled.runs"
    " WHERE status IN ('waiting', 'pending', 'dispatching', 'running', 'retrying')";

}  // namespace rruled::test
