#pragma once

#include "store/columns.h"
#include "store/errors.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace rruled::store {

// What a fault of SQLite means here, with what to do next.
[[nodiscard]] StoreError translate(const SQLite::Exception& error, const std::string& path);

// A database and its prepared statements. Used from one thread at a time.
class Connection {
 public:
  explicit Connection(SQLite::Database database) : database_(std::move(database)) {}

  [[nodiscard]] SQLite::Database& database() { return database_; }
  // Prepared once; `sql` must live as long as the connection.
  [[nodiscard]] SQLite::Statement& statement(const std::string& sql);
  // A text that was put together: the same one each time, and as long as the connection lives.
  [[nodiscard]] const std::string& kept(std::string sql) {
    return *texts_.insert(std::move(sql)).first;
  }

  // Runs `work` in a transaction that may write, and commits unless it throws.
  template <class Work>
  auto write(Work work) {
    return guarded([&] {
      SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        transaction.commit();
      } else {
        auto result = work();
        transaction.commit();
        return result;
      }
    });
  }
  // Runs `work` on one state of the database.
  template <class Work>
  auto read(Work work) {
    return guarded([&] {
      SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::DEFERRED);
      return work();
    });
  }
  // Runs `work`, translating what SQLite throws.
  template <class Work>
  auto guarded(Work work) {
    try {
      return work();
    } catch (const SQLite::Exception& error) {
      throw translate(error, database_.getFilename());
    }
  }

 private:
  SQLite::Database database_;
  std::set<std::string> texts_;  // as many as there are combinations of filters
  std::unordered_map<const std::string*, std::unique_ptr<SQLite::Statement>> statements_;
};

template <class T>
inline constexpr bool kIsId = false;
template <class Tag>
inline constexpr bool kIsId<Id<Tag>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// One use of a prepared statement: binds the parameters in order, reads the columns in order. Texts
// and ids are bound without a copy, so they must outlive the Query; hence no temporaries.
//
//   Query query(connection, kSomeSql);
//   query.bind(id).bind(now);
//   while (query.step()) found.push_back(query.read<std::string>());
class Query {
 public:
  Query(Connection& connection, const std::string& sql) : statement_(connection.statement(sql)) {}
  // Of a text that comes once.
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  // Ends the statement's hold on the database.
  ~Query() { statement_.tryReset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  template <class T>
  Query& bind(const T& value);
  template <class Tag>
  Query& bind(const Id<Tag>&& temporary) = delete;
  Query& bind(const std::string&& temporary) = delete;

  // True when there is a row.
  bool step() {
    column_ = 0;
    return statement_.executeStep();
  }
  // For a statement without rows; returns how many rows it wrote.
  int run() { return statement_.exec(); }

  // The next column. StoreError corrupt when it is not what we write there.
  template <class T>
  [[nodiscard]] T read();

 private:
  SQLite::Statement& statement_;
  int parameter_ = 0;
  int column_ = 0;
};

[[noreturn]] void throw_bad_column(int column, const char* sql);

template <class T>
Query& Query::bind(const T& value) {
  if constexpr (kIsOptional<T>) {
    if (value) return bind<typename T::value_type>(*value);
    statement_.bind(++parameter_);
  } else if constexpr (kIsId<T>) {
    statement_.bindNoCopy(++parameter_, value.value.data, static_cast<int>(value.value.size()));
  } else if constexpr (std::is_same_v<T, std::string>) {
    statement_.bindNoCopy(++parameter_, value);
  } else if constexpr (std::is_enum_v<T>) {
    // The words are literals: they end with NUL and live for ever.
    statement_.bindNoCopy(++parameter_, word(value).data());
  } else if constexpr (std::is_same_v<T, milliseconds>) {
    statement_.bind(++parameter_, static_cast<std::int64_t>(value.count()));
  } else if constexpr (std::is_integral_v<T>) {
    statement_.bind(++parameter_, static_cast<std::int64_t>(value));
  } else {
    return bind(std::chrono::duration_cast<milliseconds>(value.time_since_epoch()));
  }
  return *this;
}

template <class T>
T Query::read() {
  if constexpr (kIsOptional<T>) {
    if (statement_.isColumnNull(column_)) {
      ++column_;
      return std::nullopt;
    }
    return read<typename T::value_type>();
  } else {
    const auto column = statement_.getColumn(column_++);
    if constexpr (kIsId<T>) {
      T id;
      if (column.getBytes() != static_cast<int>(id.value.size()))
        throw_bad_column(column_, statement_.getQuery().c_str());
      std::memcpy(id.value.data, column.getBlob(), id.value.size());
      return id;
    } else if constexpr (std::is_same_v<T, std::string>) {
      return column.getString();
    } else if constexpr (std::is_enum_v<T>) {
      const auto value = parse_word<T>(column.getText());
      if (!value) throw_bad_column(column_, statement_.getQuery().c_str());
      return *value;
    } else if constexpr (std::is_same_v<T, milliseconds>) {
      return milliseconds(column.getInt64());
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(column.getInt64());
    } else {
      return T(std::chrono::floor<typename T::duration>(milliseconds(column.getInt64())));
    }
  }
}

}  // namespace rruled::store
