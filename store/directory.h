#pragma once

#include "store/cancel_result.h"
#include "store/store.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What people look at and what the HTTP API keeps beside the daemon's own contract (store.h): pages
// with their whole count, tokens, the memory of idempotency keys, the end of a run that somebody
// gives up.
namespace rruled::store {

using TokenId = Id<struct TokenTag>;

// A credential of the API. The token itself is stored nowhere.
struct Token {
  TokenId id;
  std::optional<std::int64_t> project_id;  // absent: every project
  std::string name;
  std::string hash;    // SHA-256 of the token: 32 bytes
  std::string scopes;  // "hog_flow:read hog_flow:write"
  Timestamp created_at;
  std::optional<Timestamp> expires_at;  // exclusive
  std::optional<Timestamp> revoked_at;
  std::optional<Timestamp> last_used_at;

  friend bool operator==(const Token&, const Token&) = default;
};

struct PageRange {
  std::size_t limit = 100;
  std::size_t offset = 0;
};
template <class Row>
struct Page {
  std::vector<Row> rows;
  std::size_t count = 0;  // without the range
};

// An absent member does not filter.
struct FlowFilter {
  std::int64_t project_id = 1;
  std::optional<FlowId> id{};
  std::optional<FlowStatus> status{};
  std::string search{};  // in name or description, whatever the case of ASCII letters
  std::optional<Timestamp> created_at{};
  std::optional<Timestamp> updated_at{};
};
struct ScheduleFilter {
  std::int64_t project_id = 1;
  std::optional<FlowId> flow_id{};
  std::optional<ScheduleId> id{};
  std::optional<ScheduleStatus> status{};
  std::optional<Timestamp> created_at{};
  std::optional<Timestamp> updated_at{};
  std::optional<Timestamp> due_before{};  // exclusive: next_due_at is there and before it
};
// Position in the order (due_at, id), descending. Exclusive as a start.
struct RunCursor {
  Timestamp due_at;
  RunId id;
};
struct RunFilter {
  std::int64_t project_id = 1;
  std::optional<FlowId> flow_id{};
  std::optional<ScheduleId> schedule_id{};
  std::optional<RunKind> kind{};
  std::vector<RunStatus> statuses{};    // any of them; empty: all
  std::optional<Timestamp> due_from{};  // inclusive
  std::optional<Timestamp> due_to{};    // exclusive
  std::optional<RunCursor> before{};
};
struct LogFilter {
  std::optional<FlowId> flow_id{};
  std::optional<RunId> run_id{};
  std::optional<Timestamp> after{};   // exclusive
  std::optional<Timestamp> before{};  // exclusive
  std::vector<LogLevel> levels{};     // any of them; empty: all
  std::string search{};               // in the message, whatever the case of ASCII letters
};

// Used from one thread at a time. Faults are StoreErrors; each method is one transaction.
class Directory {
 public:
  virtual ~Directory() = default;
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // Latest updated first.
  [[nodiscard]] virtual Page<Flow> flows(const FlowFilter& filter, PageRange range) = 0;
  // Newest first; with due_before in order of next_due_at.
  [[nodiscard]] virtual Page<Schedule> schedules(const ScheduleFilter& filter, PageRange range) = 0;
  // Latest due first. `count` is 0 when `counted` is false.
  [[nodiscard]] virtual Page<Run> runs(const RunFilter& filter, PageRange range, bool counted) = 0;
  // Newest first.
  [[nodiscard]] virtual Page<LogEntry> logs(const LogFilter& filter, PageRange range) = 0;

  virtual void add_token(const Token& token) = 0;
  [[nodiscard]] virtual std::optional<Token> token_by_hash(const std::string& hash) = 0;
  [[nodiscard]] virtual std::vector<Token> tokens() = 0;  // oldest first
  // False: there is no such token. One that is revoked stays as it was.
  virtual bool revoke_token(TokenId id, Timestamp now) = 0;
  virtual void touch_token(TokenId id, Timestamp now) = 0;

  // Keeps the digest of the request that made a run, a flow or a schedule with this id, as long as
  // that is there. Gives the one of whoever asked first.
  [[nodiscard]] virtual std::string remember_request(const boost::uuids::uuid& made,
                                                     const std::string& digest) = 0;

  // Ends a run that is not with an executor; lets a waiting one of its schedule go in its place.
  [[nodiscard]] virtual CancelResult cancel_run(RunId id,
                                                const std::string& reason,
                                                Timestamp now) = 0;
};

// Of a store in memory or on SQLite, which must outlive it and be used from the same thread; null
// for any other.
[[nodiscard]] std::unique_ptr<Directory> directory_of(Store& store);

}  // namespace rruled::store
