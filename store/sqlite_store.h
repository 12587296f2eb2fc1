#pragma once

#include "store/file_lock.h"
#include "store/migrate.h"
#include "store/sqlite_file.h"
#include "store/store.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace rruled::store {

class Connection;

enum class OpenMode {
  daemon,   // the one daemon of this file: locks it for life, checks and migrates it
  command,  // beside a daemon: no lock; makes a file that is missing, migrates nothing else
  // Writes no row, wants the present schema; works on a read-only file system. Where it can, SQLite
  // puts its -shm and -wal files beside the file; where it cannot, later changes are not seen.
  read_only,
};

struct SqliteOptions {
  std::chrono::milliseconds busy_timeout{5'000};  // how long a write waits for another program's
  // A daemon checks a file up to this size whole, at about half a GB/s, and of a larger one only
  // the tables that decide what fires: a start must not take longer than a second.
  std::int64_t check_whole_max_bytes = 128LL << 20U;
  std::span<const Migration> migrations = sqlite_migrations();
  bool even_if_moved = false;       // a store that was copied elsewhere is otherwise only read
  bool even_if_incomplete = false;  // so is one that a copy is on its way to
  bool brings_forward = true;       // a daemon's: an older schema; false: it is refused
  bool even_if_older = false;       // works on an older schema as it is
};

// The last row that prune() looked at, in the order of its index.
struct PruneCursor {
  Timestamp end = Timestamp::min();
  ScheduleId schedule_id;   // of a gap
  std::int64_t number = 0;  // of a run; of a gap, its `from` in milliseconds
};

// A store in one file: write-ahead log, every commit on the disk before it is answered.
// Not thread-safe: one connection for one thread at a time. Several may have the file open.
//
// changes_since() of a daemon's throws StoreError corrupt once the file, or its log, was removed or
// replaced; then nothing is written to what is there instead.
//
//   auto store = open_sqlite("/var/lib/rruled/rruled.db", OpenMode::daemon);
class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<Connection> connection, std::optional<FileLock> lock);
  ~SqliteStore() override;

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
  [[nodiscard]] Counts counts() override;

  [[nodiscard]] Session begin_session(OwnerId owner, Timestamp now) override;
  [[nodiscard]] std::vector<DueSchedule> load_due(std::optional<DueCursor> after,
                                                  Timestamp before,
                                                  std::size_t limit) override;
  [[nodiscard]] Changes changes_since(std::int64_t revision,
                                      std::size_t limit = kChangesMax) override;
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

  // For what else works on this file, on the same thread: directory.h. Ask again before each write,
  // so that changes_since() shows it.
  [[nodiscard]] Connection& connection() {
    watched_ = {};
    return *connection_;
  }

 private:
  // The last state of the file that changes_since() looked at.
  struct Watched {
    std::int64_t data_version = -1;
    std::int64_t revision = -1;
  };

  enum class Place { as_opened, file_gone, log_gone };
  // Whether the file that the connection has open, and its log, are still where they were.
  [[nodiscard]] Place place();
  // StoreError corrupt unless they are: what is written would be lost.
  void check_place();

  std::optional<FileLock> lock_;  // given up after the connection is closed
  std::unique_ptr<Connection> connection_;
  const FileIdentity log_;  // of the file's -wal; zeros: it has none
  Watched watched_;
  PruneCursor runs_pruned_to_;
  PruneCursor gaps_pruned_to_;
};

// Throws StoreError; each message says what to do next. A damaged file is never made anew.
[[nodiscard]] std::unique_ptr<SqliteStore> open_sqlite(const std::string& path,
                                                       OpenMode mode,
                                                       const SqliteOptions& options = {});

}  // namespace rruled::store
