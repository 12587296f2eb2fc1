#pragma once

#include "store/sqlite_store.h"
#include "store/store.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

// A store by its URL.
namespace rruled::store {

// Of the URL of a file.
inline constexpr std::string_view kSqliteScheme = "sqlite://";

// Where the rows are. Nothing in it is shown in messages but the scheme, the file, the hosts and
// the database: a password stays out of them.
struct StoreLocation {
  // sqlite:///absolute/path, or postgresql:// (postgres://) as libpq reads it: several hosts, and
  // parameters such as sslmode or connect_timeout, may be in it.
  std::string url;
  // PostgreSQL: a direct connection for LISTEN, where `url` leads to a pooler. Empty: `url` itself,
  // or no LISTEN when `pooler` is set.
  std::string listen_url{};
  std::chrono::milliseconds claim_ttl{45'000};  // PostgreSQL: see Session::claim_ttl
  std::string schema = "rruled";                // PostgreSQL: where the tables are
  // PostgreSQL: `url` leads to a pooler that gives each transaction another connection (PgBouncer
  // with pool_mode = transaction): nothing is prepared, nothing set for longer than a transaction.
  bool pooler = false;
};

// Throws StoreError; each message says what to do next. OpenMode::command and read_only work beside
// daemons. In PostgreSQL several daemons may be open at once. Each thread needs a Store of its own.
[[nodiscard]] std::unique_ptr<Store> open_store(const StoreLocation& location, OpenMode mode);

// Tells that other programs may have written: a hint, which may come too often, or be lost.
class ChangeListener {
 public:
  virtual ~ChangeListener() = default;  // stops at once, and waits for a call that is going on
  ChangeListener() = default;
  ChangeListener(const ChangeListener&) = delete;
  ChangeListener& operator=(const ChangeListener&) = delete;
};

// Calls `changed` from a thread of its own, one call at a time: for each notification, and after
// each connect, because hints sent in between were lost. Keeps reconnecting. Null for a store that
// notifies nobody (SQLite; PostgreSQL behind a pooler without listen_url): poll changes_since().
[[nodiscard]] std::unique_ptr<ChangeListener> listen_to_store(const StoreLocation& location,
                                                              std::function<void()> changed);

}  // namespace rruled::store
