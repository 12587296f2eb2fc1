#pragma once

#include "store/audience.h"
#include "store/run_desk.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace rruled::test {

// Called before and after each call of the daemon, which is counted from 1: it may throw (a fault
// before anything was written, or after the commit) or kill the process.
class CallHook {
 public:
  enum class When { before, after };
  using Hook = std::function<void(When, int call)>;
  explicit CallHook(Hook hook) : hook_(std::move(hook)) {}

  [[nodiscard]] int calls() const { return calls_; }
  template <class Call>
  std::invoke_result_t<Call&> around(Call call) {
    const int number = ++calls_;
    hook_(When::before, number);
    if constexpr (std::is_void_v<std::invoke_result_t<Call&>>) {
      call();
      hook_(When::after, number);
    } else {
      auto result = call();
      hook_(When::after, number);
      return result;
    }
  }

 private:
  Hook hook_;
  int calls_ = 0;
};

// What stands beside a HookedStore: calls of the daemon have its hook, those of people do not.
class HookedAudience : public store::Audience {
 public:
  HookedAudience(std::unique_ptr<store::Audience> inner, CallHook& hook)
      : inner_(std::move(inner)), hook_(hook) {}

  std::optional<store::Job> open_job(const store::JobClaim& claim, store::Timestamp now) override {
    return hook_.around([&] { return inner_->open_job(claim, now); });
  }
  store::FannedOut fan_out(const store::FanOut& request,
                           const store::MakeChild& make_child,
                           store::Timestamp now) override {
    return hook_.around([&] { return inner_->fan_out(request, make_child, now); });
  }
  store::EndedJobs end_jobs(const store::EndJobs& request, store::Timestamp now) override {
    return hook_.around([&] { return inner_->end_jobs(request, now); });
  }
  store::CancelResult cancel_job(store::RunId id,
                                 const std::string& reason,
                                 const std::optional<store::AuditEntry>& entry,
                                 store::Timestamp now) override {
    return hook_.around([&] { return inner_->cancel_job(id, reason, entry, now); });
  }

  store::PersonsPut put_persons(const std::vector<store::PersonPut>& persons,
                                const store::AuditEntry& entry,
                                store::Timestamp now) override {
    return inner_->put_persons(persons, entry, now);
  }
  store::Page<store::Person> persons(const store::PersonQuery& query,
                                     store::PageRange range) override {
    return inner_->persons(query, range);
  }
  std::optional<store::AudienceSize> size(std::int64_t project_id,
                                          const store::PersonFilter& filter,
                                          const store::GoOn& go_on) override {
    return inner_->size(project_id, filter, go_on);
  }
  std::vector<store::JobProgress> progress(const std::vector<store::RunId>& ids) override {
    return inner_->progress(ids);
  }
  std::vector<store::Job> jobs(const std::vector<store::RunId>& ids) override {
    return inner_->jobs(ids);
  }

 private:
  const std::unique_ptr<store::Audience> inner_;
  CallHook& hook_;
};

class HookedRunDesk final : public store::RunDesk {
 public:
  HookedRunDesk(std::unique_ptr<store::RunDesk> inner, CallHook& hook)
      : inner_(std::move(inner)), hook_(hook) {}

  std::vector<store::TrackedRun> take_tracked(const store::TakeTracked& request,
                                              store::Timestamp now) override {
    return hook_.around([&] { return inner_->take_tracked(request, now); });
  }
  store::EndedTracked end_tracked(const store::EndTracked& end, store::Timestamp now) override {
    return hook_.around([&] { return inner_->end_tracked(end, now); });
  }
  bool ask_to_cancel(store::RunId id, const std::string& reason, store::Timestamp now) override {
    return hook_.around([&] { return inner_->ask_to_cancel(id, reason, now); });
  }
  std::vector<store::Run> expire_runs(const store::ExpireRuns& request,
                                      store::Timestamp now) override {
    return hook_.around([&] { return inner_->expire_runs(request, now); });
  }
  bool correct_waits(const std::vector<std::string>& executors, store::Timestamp now) override {
    return hook_.around([&] { return inner_->correct_waits(executors, now); });
  }

  std::size_t purge_dead(const std::vector<store::RunId>& ids,
                         const store::PurgeLine& line,
                         store::Timestamp now) override {
    return inner_->purge_dead(ids, line, now);
  }
  store::RemovedHistory remove_history(store::FlowId flow, std::size_t limit) override {
    return inner_->remove_history(flow, limit);
  }

 private:
  const std::unique_ptr<store::RunDesk> inner_;
  CallHook& hook_;
};

}  // namespace rruled::test
