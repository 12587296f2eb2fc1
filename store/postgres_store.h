#pragma once

#include "store/migrate.h"
#include "store/sqlite_store.h"
#include "store/store.h"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rruled::store {

class PgConnection;

// migrations/postgres/NNN_name.sql, embedded.
[[nodiscard]] std::span<const Migration> postgres_migrations();

struct PostgresOptions {
  std::string schema = "rruled";  // made by the first migration when it is missing
  milliseconds claim_ttl{45'000};
  bool pooler = false;  // see StoreLocation
  bool notify = true;   // write() tells listeners (postgres_listener.h)
  // Of each transaction; 0 is without limit.
  milliseconds statement_timeout{30'000};
  milliseconds lock_timeout{5'000};
  milliseconds idle_timeout{10'000};  // between two statements: a stopped daemon holds no locks
  // What is due, and when a claim lapses, is judged by the database's clock; by the caller's `now`
  // in tests that are about times.
  enum class Clock { database, caller } clock = Clock::database;
  std::span<const Migration> migrations = postgres_migrations();
  bool even_if_incomplete = false;  // a store that a copy is on its way to is otherwise only read
};

// A store that many daemons share: PostgreSQL 13 or later. There is no leader. READ COMMITTED;
// every row that decides is locked, in one order: meta, schedules by id, runs by id. Who finds a
// due schedule locked goes on with the others (SKIP LOCKED).
//
// Not thread-safe: one connection, used from one thread at a time. A connection that broke is
// replaced at the next call; a call that it broke under throws StoreError unavailable, and may have
// been committed: each can be made again, and held() tells what was claimed.
class PostgresStore final : public Store {
 public:
  explicit PostgresStore(std::unique_ptr<PgConnection> connection);
  ~PostgresStore() override;

  [[nodiscard]] std::unique_ptr<Directory> directory() override;
  [[nodiscard]] std::unique_ptr<Audience> audience() override;
  [[nodiscard]] std::unique_ptr<RunDesk> run_desk() override;

  [[nodiscard]] std::optional<Conflict> write(const ChangeSet& changes, Timestamp now) override;

  [[nodiscard]] std::optional<Flow> flow(FlowId id) override;
  [[nodiscard]] std::vector<Flow> flows(const FlowQuery& query) override;
  [[nodiscard]] std::optional<Schedule> schedule(ScheduleId id) override;
  [[nodiscard]] std::vector<Schedule> schedules(const ScheduleQuery& query) override;
  [[nodiscard]] std::vector<Schedule> schedules_from(ScheduleId first, std::size_t limit) override;
  [[nodiscard]] std::optional<Run> run(RunId id) override;
  [[nodiscard]] std::vector<Run> runs(const RunQuery& query) override;
  [[nodiscard]] std::vector<Run> runs_from(RunId first, std::size_t limit) override;
  [[nodiscard]] std::vector<Attempt> attempts(RunId id) override;
  [[nodiscard]] std::vector<LogEntry> logs(const LogQuery& query) override;
  [[nodiscard]] std::vector<Gap> gaps(ScheduleId id) override;
  // Exact for what is live. What has ended is estimated from the statistics of the planner once the
  // ledger is longer than 64 MB.
  [[nodiscard]] Counts counts() override;

  // Fences nobody: many daemons write. Recovers claims that have lapsed.
  [[nodiscard]] Session begin_session(OwnerId owner, Timestamp now) override;
  [[nodiscard]] std::vector<DueSchedule> load_due(std::optional<DueCursor> after,
                                                  Timestamp before,
                                                  std::size_t limit) override;
  // `many` after the connection was made anew, too: by another server, perhaps.
  [[nodiscard]] Changes changes_since(std::int64_t revision,
                                      std::size_t limit = kChangesMax) override;
  // A schedule that another transaction has locked is not_yet, too, for a quarter of a second.
  [[nodiscard]] std::vector<SettleResult> settle(std::vector<Settlement> batch,
                                                 const Claimant& claimant,
                                                 Timestamp now) override;
  [[nodiscard]] ClaimResult claim(const ClaimRequest& request, Timestamp now) override;
  [[nodiscard]] std::vector<Run> held(const Claimant& claimant) override;
  [[nodiscard]] std::vector<FinishResult> finish(const std::vector<Finish>& batch,
                                                 const Claimant& claimant,
                                                 Timestamp now) override;
  void hand_back(const std::vector<HandBack>& batch, const Claimant& claimant) override;
  [[nodiscard]] std::vector<HeldClaim> extend(const Claimant& claimant, Timestamp now) override;
  [[nodiscard]] std::size_t recover(std::size_t limit, Timestamp now) override;
  [[nodiscard]] std::optional<Timestamp> clock() override;
  [[nodiscard]] std::string zones_version() override;
  void set_zones_version(const std::string& version) override;
  [[nodiscard]] Pruned prune(const PruneRequest& request, Timestamp now) override;

  // For what reads and writes beside the contract, from the same thread.
  [[nodiscard]] PgConnection& connection() { return *connection_; }

  // Places in the order in which rows are pruned.
  struct PrunedRun {
    Timestamp due = Timestamp::min();
    std::int64_t number = 0;  // of the row
    RunId id;
  };
  struct PrunedGap {
    Timestamp end = Timestamp::min();
    ScheduleId schedule_id;
    Timestamp from = Timestamp::min();
  };
  struct PrunedLine {
    Timestamp at = Timestamp::min();
    std::int64_t number = 0;

    friend auto operator<=>(const PrunedLine&, const PrunedLine&) = default;
  };

 private:
  std::unique_ptr<PgConnection> connection_;
  std::optional<int> changes_read_by_;  // PgConnection::times_made()
  // The last rows that prune() looked at; it begins anew when there are no more.
  PrunedRun runs_pruned_to_;
  PrunedGap gaps_pruned_to_;
  PrunedLine logs_pruned_to_;
};

// `url` as in StoreLocation. A daemon makes and migrates the schema; a command makes one that is
// missing, and migrates nothing else; read_only writes nothing, and works on a standby, too. Throws
// StoreError; each message says what to do next.
[[nodiscard]] std::unique_ptr<PostgresStore> open_postgres(const std::string& url,
                                                           OpenMode mode,
                                                           const PostgresOptions& options = {});

}  // namespace rruled::store
