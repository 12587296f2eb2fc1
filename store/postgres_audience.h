#pragma once

#include "store/audience.h"
#include "store/postgres_store.h"

namespace rruled::store {

class PgConnection;
class Tx;

// The contract on the connection of a PostgresStore, which must outlive it.
//
// PostgreSQL's regular expressions are not RE2's, and an extension cannot be asked for. So SQL
// narrows by everything else in the filter, and RE2 here decides, chunk by chunk: equal to the
// other stores by construction, at the cost of reading the texts of who is left. A chunk is bounded
// by what one statement costs (persons, bytes, conditions), and a GoOn is asked after each at
// least.
class PostgresAudience final : public Audience {
 public:
  explicit PostgresAudience(PostgresStore& store) : connection_(store.connection()) {}

  PersonsPut put_persons(const std::vector<PersonPut>& persons,
                         const AuditEntry& entry,
                         Timestamp now) override;
  [[nodiscard]] Page<Person> persons(const PersonQuery& query, PageRange range) override;
  [[nodiscard]] std::optional<AudienceSize> size(std::int64_t project_id,
                                                 const PersonFilter& filter,
                                                 const GoOn& go_on) override;

  // postgres_jobs.cpp
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
  PgConnection& connection_;
};

// The persons of the next page of a job, in an open transaction.
[[nodiscard]] FanOutPage read_audience_page(Tx& tx,
                                            const FanOut& request,
                                            std::int64_t project_id,
                                            const Job& job);

}  // namespace rruled::store
