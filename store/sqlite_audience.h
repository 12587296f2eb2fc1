#pragma once

#include "store/audience.h"
#include "store/sqlite_store.h"

namespace rruled::store {

class Connection;

// The contract on the connection of a SqliteStore, which must outlive it. SQL gives the properties
// that a filter names, person by person, and a PersonMatcher decides: so that it can be left
// between any two persons.
class SqliteAudience final : public Audience {
 public:
  explicit SqliteAudience(SqliteStore& store) : store_(store), connection_(&store.connection()) {}

  PersonsPut put_persons(const std::vector<PersonPut>& persons,
                         const AuditEntry& entry,
                         Timestamp now) override;
  [[nodiscard]] Page<Person> persons(const PersonQuery& query, PageRange range) override;
  [[nodiscard]] std::optional<AudienceSize> size(std::int64_t project_id,
                                                 const PersonFilter& filter,
                                                 const GoOn& go_on) override;

  // sqlite_jobs.cpp
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
  // Absent: nothing was to be looked at.
  [[nodiscard]] std::optional<LookedPage> look(const FanOut& request);
  [[nodiscard]] FanOutPage read_page(const FanOut& request, const Run& run, const Job& job);

  SqliteStore& store_;
  Connection* connection_;
};

}  // namespace rruled::store
