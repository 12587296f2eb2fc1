#pragma once

#include "store/directory.h"
#include "store/sqlite_store.h"

#include <set>
#include <string>

namespace rruled::store {

class Connection;

// The contract on the connection of a SqliteStore, which must outlive it.
class SqliteDirectory final : public Directory {
 public:
  explicit SqliteDirectory(SqliteStore& store) : store_(store), connection_(&store.connection()) {}

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
  class Conditions;
  template <class Row>
  [[nodiscard]] Page<Row> page(const Conditions& conditions,
                               const std::string& order,
                               PageRange range,
                               bool counted);
  // The connection keeps a prepared statement for each text, by its address.
  [[nodiscard]] const std::string& kept(std::string sql);

  SqliteStore& store_;
  Connection* connection_;
  std::set<std::string> texts_;  // as many as there are combinations of filters
};

}  // namespace rruled::store
