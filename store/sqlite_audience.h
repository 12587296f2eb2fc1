#pragma once

#include "store/audience.h"
#include "store/sqlite_store.h"

namespace rruled::store {

class Connection;

// The contract on the connection of a SqliteStore, which must outlive it.
class SqliteAudience final : public Audience {
 public:
  // Teaches the connection RE2.
  explicit SqliteAudience(SqliteStore& store);

  PersonsPut put_persons(const std::vector<PersonPut>& persons,
                         const AuditEntry& entry,
                         Timestamp now) override;
  [[nodiscard]] Page<Person> persons(const PersonQuery& query, PageRange range) override;
  [[nodiscard]] AudienceSize size(std::int64_t project_id, const PersonFilter& filter) override;

  // sqlite_jobs.cpp
  [[nodiscard]] std::optional<Job> open_job(const JobClaim& claim, Timestamp now) override;
  [[nodiscard]] FannedOut fan_out(const FanOut& request,
                                  const MakeChild& make_child,
                                  Timestamp now) override;
  [[nodiscard]] EndedJobs end_jobs(const EndJobs& request, Timestamp now) override;
  [[nodiscard]] std::vector<JobProgress> progress(const std::vector<RunId>& ids) override;
  [[nodiscard]] CancelResult cancel_job(RunId id,
                                        const std::string& reason,
                                        const std::optional<AuditEntry>& entry,
                                        Timestamp now) override;

 private:
  [[nodiscard]] FanOutPage read_page(const FanOut& request, const Run& run, const Job& job);

  SqliteStore& store_;
  Connection* connection_;
};

}  // namespace rruled::store
