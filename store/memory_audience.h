#pragma once

#include "store/audience.h"
#include "store/memory_store.h"

namespace rruled::store {

// The contract over a MemoryStore, which must outlive it and holds what is written.
class MemoryAudience final : public Audience {
 public:
  explicit MemoryAudience(MemoryStore& store) : store_(store) {}

  PersonsPut put_persons(const std::vector<PersonPut>& persons,
                         const AuditEntry& entry,
                         Timestamp now) override;
  [[nodiscard]] Page<Person> persons(const PersonQuery& query, PageRange range) override;
  [[nodiscard]] std::optional<AudienceSize> size(std::int64_t project_id,
                                                 const PersonFilter& filter,
                                                 const GoOn& go_on) override;
  [[nodiscard]] std::optional<Job> open_job(const JobClaim& claim, Timestamp now) override;
  [[nodiscard]] FannedOut fan_out(const FanOut& request,
                                  const MakeChild& make_child,
                                  Timestamp now) override;
  [[nodiscard]] EndedJobs end_jobs(const EndJobs& request, Timestamp now) override;
  [[nodiscard]] std::vector<JobProgress> progress(const std::vector<RunId>& ids) override;
  [[nodiscard]] std::vector<Job> jobs(const std::vector<RunId>& ids) override;
  [[nodiscard]] CancelResult cancel_job(RunId id,
                                        const std::string& reason,
                                        const std::optional<AuditEntry>& entry,
                                        Timestamp now) override;

 private:
  // Null: the claim is lost, or the run gone.
  [[nodiscard]] MemoryStore::RunRow* claimed(const JobClaim& claim);
  [[nodiscard]] FanOutPage read_page(const FanOut& request, const Run& run, const Job& job) const;
  void set_running(MemoryStore::RunRow& row, Job& job, Timestamp now);
  [[nodiscard]] ChildCounts counts_of(RunId job) const;
  [[nodiscard]] std::size_t cancel_children(const Job& job, std::size_t limit, Timestamp now);
  [[nodiscard]] std::optional<EndedJob> end_one(Job& job,
                                                const EndJobs& request,
                                                Timestamp now,
                                                EndedJobs& result);

  MemoryStore& store_;
};

}  // namespace rruled::store
