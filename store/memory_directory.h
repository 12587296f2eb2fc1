#pragma once

#include "store/directory.h"
#include "store/memory_store.h"

#include <map>

namespace rruled::store {

// The contract over a MemoryStore, which must outlive it. Reads every row at each call.
class MemoryDirectory final : public Directory {
 public:
  explicit MemoryDirectory(MemoryStore& store) : store_(store) {}

  [[nodiscard]] Page<Flow> flows(const FlowFilter& filter, PageRange range) override;
  [[nodiscard]] Page<Schedule> schedules(const ScheduleFilter& filter, PageRange range) override;
  [[nodiscard]] Page<Run> runs(const RunFilter& filter, PageRange range, bool counted) override;
  [[nodiscard]] Page<LogEntry> logs(const LogFilter& filter, PageRange range) override;

  void add_token(const Token& token) override;
  [[nodiscard]] std::optional<Token> token_by_hash(const std::string& hash) override;
  [[nodiscard]] std::vector<Token> tokens() override;
  bool revoke_token(TokenId id, Timestamp now) override;
  void touch_token(TokenId id, Timestamp now) override;

  [[nodiscard]] std::string remember_request(const boost::uuids::uuid& made,
                                             const std::string& digest) override;
  [[nodiscard]] CancelResult cancel_run(RunId id,
                                        const std::string& reason,
                                        Timestamp now) override;

 private:
  MemoryStore& store_;
  std::vector<Token> tokens_;
  std::map<boost::uuids::uuid, std::string> requests_;
};

}  // namespace rruled::store
