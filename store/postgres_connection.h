#pragma once

#include "store/postgres_dialect.h"
#include "store/postgres_store.h"
#include "store/postgres_url.h"
#include "store/postgres_values.h"

#include <pqxx/connection>
#include <pqxx/errorhandler>
#include <pqxx/nontransaction>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>

namespace rruled::store {

// What a fault of PostgreSQL or of the connection means here, with what to do next.
[[nodiscard]] StoreError translate(const std::exception& error, const std::string& shown);

// One transaction that is open.
class Tx {
 public:
  // By which what is due is judged: the server's clock at the beginning, or the caller's (see
  // PostgresOptions).
  [[nodiscard]] Timestamp now() const { return now_; }
  // `sql` must live as long as the connection: it is known by its address.
  pqxx::result exec(const std::string& sql, const Params& params = {});
  // A text that comes once: it is not prepared.
  pqxx::result exec_once(const std::string& sql, const Params& params);
  // Several statements, without parameters.
  pqxx::result exec_text(const std::string& sql);

 private:
  friend class PgConnection;
  Tx(class PgConnection& connection, Timestamp now) : connection_(connection), now_(now) {}
  PgConnection& connection_;
  Timestamp now_;
};

// A connection that is made anew after it broke. Used from one thread at a time.
class PgConnection {
 public:
  // Connects at the first transaction.
  PgConnection(PgAddress address, OpenMode mode, PostgresOptions options);
  ~PgConnection();

  [[nodiscard]] const PostgresOptions& options() const { return options_; }
  [[nodiscard]] const std::string& shown() const { return address_.shown; }
  // A text that was put together, for Tx::exec(): the same one each time, and as long as this
  // lives.
  [[nodiscard]] const std::string& kept(std::string sql) {
    return *texts_.insert(std::move(sql)).first;
  }
  // How often it was made: another number may mean another server.
  [[nodiscard]] int times_made() const { return times_made_; }

  // Runs `work(tx)` in a transaction, and commits unless it throws. Run again, up to five times,
  // when it met another transaction (deadlock, serialization): it must not use up its input.
  template <class Work>
  auto write(Timestamp caller_now, Work work) {
    check_writable();
    return result_of(begin_write_, caller_now, work);
  }
  // Runs `work(tx)` on one state of the database.
  template <class Work>
  auto read(Work work) {
    return result_of(begin_read_, Timestamp{}, work);
  }
  template <class Work>
  auto migrate(Work work) {
    return result_of(begin_migration_, Timestamp{}, work);
  }

 private:
  friend class Tx;
  // StoreError read_only when the store was opened for reading.
  void check_writable() const;
  template <class Work>
  auto result_of(const std::string& begin, Timestamp caller_now, Work& work) {
    using Result = decltype(work(std::declval<Tx&>()));
    if constexpr (std::is_void_v<Result>) {
      transact(begin, caller_now, [&](Tx& tx) { work(tx); });
    } else {
      std::optional<Result> result;
      transact(begin, caller_now, [&](Tx& tx) { result.emplace(work(tx)); });
      return std::move(*result);
    }
  }
  void transact(const std::string& begin,
                Timestamp caller_now,
                const std::function<void(Tx&)>& work);
  [[nodiscard]] Timestamp begin(const std::string& sql, Timestamp caller_now);
  void connect(const std::string& conninfo);
  void close();
  void roll_back() noexcept;
  // Why none of the tables is there, if that is so: PostgreSQL says of a schema that may not be
  // used what it says of a missing table.
  [[nodiscard]] std::optional<StoreError> why_no_table() noexcept;
  pqxx::result exec(const std::string& sql, const Params& params);
  pqxx::result exec_once(const std::string& sql, const Params& params);
  pqxx::result exec_text(const std::string& sql);
  [[nodiscard]] pqxx::nontransaction& channel();

  // Constant after construction.
  const PgAddress address_;
  const OpenMode mode_;
  const PostgresOptions options_;
  const std::string begin_write_;
  const std::string begin_read_;
  const std::string begin_migration_;

  std::unique_ptr<pqxx::connection> connection_;
  // Notices would go to standard error.
  std::unique_ptr<pqxx::quiet_errorhandler> quiet_;
  // The transactions are begun and ended by hand: one message does more than libpqxx's own.
  std::unique_ptr<pqxx::nontransaction> channel_;
  std::set<std::string> texts_;  // as many as there are combinations of filters
  std::unordered_map<const std::string*, std::string> prepared_;  // statement, name on the server
  bool prepares_;
  int times_made_ = 0;
};

}  // namespace rruled::store
