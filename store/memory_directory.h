#pragma once

#include "store/directory.h"
#include "store/memory_store.h"

namespace rruled::store {

// The contract over a MemoryStore, which must outlive it and holds what is written. Reads every row
// at each call.
class MemoryDirectory final : public Directory {
 public:
  explicit MemoryDirectory(MemoryStore& store) : store_(store) {}

  [[nodiscard]] Page<Flow> flows(const FlowFilter& filter, PageRange range) override;
  [[nodiscard]] Page<Schedule> schedules(const ScheduleFilter& filter, PageRange range) override;
  [[nodiscard]] Page<Run> runs(const RunFilter& filter, PageRange range, bool counted) override;
  [[nodiscard]] std::vector<KeptGap> gaps(const GapFilter& filter, PageRange range) override;
  [[nodiscard]] std::vector<Run> last_runs(const std::vector<ScheduleId>& schedules) override;
  [[nodiscard]] Page<LogEntry> logs(const LogFilter& filter, PageRange range) override;
  [[nodiscard]] Page<AuditEntry> audit(const AuditFilter& filter, PageRange range) override;
  [[nodiscard]] Tallies tallies(const TallyFilter& filter) override;

  void add_token(const Token& token, const AuditEntry& entry) override;
  [[nodiscard]] std::optional<Token> token_by_hash(const std::string& hash) override;
  [[nodiscard]] std::vector<Token> tokens() override;
  bool revoke_token(TokenId id, Timestamp now, const AuditEntry& entry) override;
  void touch_token(TokenId id, Timestamp now) override;

  [[nodiscard]] std::string remember_request(const boost::uuids::uuid& made,
                                             const std::string& digest) override;
  [[nodiscard]] CancelResult cancel_run(RunId id,
                                        const std::string& reason,
                                        Timestamp now,
                                        const AuditEntry& entry) override;

  [[nodiscard]] RetryResult retry_run(RunId id,
                                      const RetryPolicy& fresh,
                                      Timestamp now,
                                      const AuditEntry& entry) override;
  [[nodiscard]] std::optional<Calendar> calendar(const CalendarName& name) override;
  [[nodiscard]] std::vector<Calendar> calendars(std::int64_t project) override;
  [[nodiscard]] std::optional<Backfill> backfill(ParentId id) override;
  [[nodiscard]] std::vector<Backfill> open_backfills() override;
  [[nodiscard]] std::optional<Project> project(std::int64_t id) override;
  [[nodiscard]] std::vector<Project> paused_projects() override;
  [[nodiscard]] std::vector<Schedule> schedules_that_pause(
      const std::vector<ScheduleId>& ids) override;
  [[nodiscard]] std::vector<Schedule> schedules_to_resume(Timestamp now,
                                                          std::size_t limit) override;
  [[nodiscard]] std::vector<std::pair<RunStatus, std::uint64_t>> counts_of(ParentId id) override;

 private:
  MemoryStore& store_;
};

}  // namespace rruled::store
