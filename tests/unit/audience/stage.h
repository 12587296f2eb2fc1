#pragma once

#include "filter_table.h"
#include "store/audience.h"
#include "tests/unit/store/sample.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rruled::test {

// The flow's.
inline constexpr const char* kTrigger = R"({"type":"batch","filters":{"properties":[]}})";

// A store with a flow that reaches everybody, and a daemon that claims its jobs.
class Stage {
 public:
  explicit Stage(store::Store& store);

  // Persons p1 .. pn of project 1.
  void add_persons(int n, int from = 1);
  // A batch job of flow 1, pending.
  store::RunId order_job(int n = 900, std::optional<store::ScheduleId> schedule = {});
  // Claims one run; it must be there.
  store::Run claim();
  // As another daemon, which came after the first one was gone.
  void new_daemon(int n);
  [[nodiscard]] store::JobClaim claim_of(const store::Run& run) const {
    return {run.id, run.fence, claimant_};
  }
  // One page of an opened job.
  store::FannedOut page(const store::Run& run,
                        std::size_t page = 2,
                        std::size_t max_audience = 1'000,
                        const store::PersonFilter& filter = {},
                        std::size_t look_at = 100);
  // All pages.
  void spread(const store::Run& run, std::size_t page = 2, std::size_t max_audience = 1'000);
  // Ends a child that is claimed.
  void finish(const store::Run& run, store::RunStatus status);
  // Claims everything that is pending, and ends it.
  void finish_all(store::RunStatus status = store::RunStatus::completed);
  [[nodiscard]] store::EndedJobs end_jobs(store::EndJobs request = {}) {
    return audience->end_jobs(request, now);
  }
  // distinct ids of the children of a job, in alphabetical order, between blanks; of one status.
  [[nodiscard]] std::string children(store::RunId job, std::optional<store::RunStatus> status = {});
  [[nodiscard]] std::string log_of(store::RunId job);
  void set_flow(store::FlowStatus status);

  store::Store& store;
  std::unique_ptr<store::Audience> audience;
  store::Timestamp now = at(10);

 private:
  store::Claimant claimant_;
};

struct AudienceCheck {
  std::string name;
  std::function<void(store::Store&)> run;
};
// What every store does alike; each begins with an empty store.
[[nodiscard]] std::vector<AudienceCheck> person_checks();
[[nodiscard]] std::vector<AudienceCheck> spread_checks();
[[nodiscard]] std::vector<AudienceCheck> end_checks();

}  // namespace rruled::test
