#include "store/sqlite_copy.h"

#include "store/sqlite_file.h"
#include "store/sqlite_open.h"
#include "store/sqlite_runs.h"

#include <sqlite3.h>

#include <map>

namespace rruled::store {
namespace {

constexpr std::size_t kCopyPage = 1'000;  // rows

SqliteFileConnection connect_alone(const std::string& path,
                                   bool must_exist,
                                   bool brings_forward = false) {
  if (must_exist) (void)inspect_sqlite_file(path, false);
  SqliteOptions options;
  options.even_if_moved = must_exist;
  options.even_if_incomplete = !must_exist || brings_forward;
  // Of a copy that is refused neither file is changed.
  options.brings_forward = brings_forward;
  try {
    return connect_sqlite(path, OpenMode::daemon, options);
  } catch (const StoreError& error) {
    if (error.kind() != StoreError::Kind::locked) throw;
    throw StoreError(error.kind(), "store " + path +
                                       " is in use: stop the daemon that runs on it,"
                                       " and try again. Nothing was changed.");
  }
}

CopyCell read_cell(const SQLite::Column& column) {
  if (column.isNull()) return {};
  if (column.isInteger()) return column.getInt64();
  return std::string(static_cast<const char*>(column.getBlob()),
                     static_cast<std::size_t>(column.getBytes()));
}

void bind_cell(SQLite::Statement& statement, int at, const CopyCell& cell, CopyKind kind) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return statement.bind(at, *number);
  const auto* text = std::get_if<std::string>(&cell);
  if (text == nullptr) return statement.bind(at);
  if (kind == CopyKind::text) return statement.bindNoCopy(at, *text);
  statement.bindNoCopy(at, text->data(), static_cast<int>(text->size()));
}

std::string moved_to_of(Connection& connection) {
  static const std::string kMovedTo = "SELECT coalesce(moved_to, '') FROM instance";
  Query query(connection, kMovedTo);
  query.step();
  return query.read<std::string>();
}

void set_moved_to(Connection& connection, const std::optional<std::string>& mark) {
  static const std::string kMark = "UPDATE instance SET moved_to = ?";
  Query(connection, kMark).bind(mark).run();
}

class SqliteSource final : public CopySource {
 public:
  SqliteSource(const std::string& path, Timestamp now)
      : path_(path), file_(connect_alone(path, true)) {
    connection().guarded([&] {
      // Nobody else writes from here on.
      transaction_.emplace(connection().database(), SQLite::TransactionBehavior::IMMEDIATE);
      earlier_mark_ = moved_to_of(connection());
      recover_runs(connection(), now);
    });
  }

  void read(const CopyTable& table,
            const std::function<void(const std::vector<CopyRow>&)>& page) override {
    connection().guarded([&] {
      SQLite::Statement select(
          connection().database(),
          "SELECT " + column_list(table) + " FROM " + table.name + " ORDER BY " + table.order);
      std::vector<CopyRow> rows;
      while (select.executeStep()) {
        auto& row = rows.emplace_back();
        for (int i = 0; i < select.getColumnCount(); ++i)
          row.push_back(read_cell(select.getColumn(i)));
        if (rows.size() < kCopyPage) continue;
        page(rows);
        rows.clear();
      }
      if (!rows.empty()) page(rows);
    });
  }

  CopyMarks marks() override {
    static const std::string kMarks =
        "SELECT revision, runs_revision, zones_version, epoch, high_water FROM meta, instance";
    return connection().guarded([&] {
      Query query(connection(), kMarks);
      query.step();
      CopyMarks marks;
      marks.revision = query.read<std::int64_t>();
      marks.runs_revision = query.read<std::int64_t>();
      marks.zones_version = query.read<std::string>();
      marks.epoch = query.read<std::int64_t>();
      marks.high_water = query.read<std::int64_t>();
      return marks;
    });
  }

  std::string moved_to() override {
    return connection().guarded([&] { return moved_to_of(connection()); });
  }

  void mark_moved(const std::string& target) override {
    if (!transaction_) return;  // done before
    connection().guarded([&] {
      set_moved_to(connection(), target);
      transaction_->commit();
      transaction_.reset();
    });
  }

  void unmark() override {
    if (transaction_) return;
    const auto mark = earlier_mark_.empty() ? std::nullopt : std::optional(earlier_mark_);
    connection().write([&] { set_moved_to(connection(), mark); });
  }

  [[nodiscard]] std::string name() const override { return std::string(kSqliteScheme) + path_; }

 private:
  [[nodiscard]] Connection& connection() { return *file_.connection; }

  std::string path_;
  SqliteFileConnection file_;
  std::string earlier_mark_;                        // of another copy
  std::optional<SQLite::Transaction> transaction_;  // until the source is marked
};

class SqliteWriter final : public CopyWriter {
 public:
  explicit SqliteWriter(Connection& connection) : connection_(connection) {}

  void write(const CopyTable& table, const std::vector<CopyRow>& rows) override {
    auto& insert = inserts_[table.name];
    if (!insert) insert = prepare(table);
    for (const auto& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i)
        bind_cell(*insert, static_cast<int>(i) + 1, row[i], table.columns[i].kind);
      insert->exec();
      insert->reset();
    }
    if (table.name == "runs") runs_ += rows.size();
  }

  void write(const CopyMarks& marks) override {
    static const std::string kMeta =
        "UPDATE meta SET revision = ?, runs_revision = ?, zones_version = ?, runs = ?";
    static const std::string kInstance = "UPDATE instance SET epoch = ?, high_water = ?";
    Query meta(connection_, kMeta);
    meta.bind(marks.revision).bind(marks.runs_revision).bind(marks.zones_version).bind(runs_);
    meta.run();
    Query(connection_, kInstance).bind(marks.epoch).bind(marks.high_water).run();
  }

  std::size_t count(const CopyTable& table) override {
    const auto count = connection_.database().execAndGet("SELECT count(*) FROM " + table.name);
    return static_cast<std::size_t>(count.getInt64());
  }

  void flush() override {
    const int code = sqlite3_db_cacheflush(connection_.database().getHandle());
    if (code != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(code), code);
  }

 private:
  [[nodiscard]] std::unique_ptr<SQLite::Statement> prepare(const CopyTable& table) {
    std::string values;
    for (std::size_t i = 0; i < table.columns.size(); ++i) values += i == 0 ? "?" : ", ?";
    return std::make_unique<SQLite::Statement>(
        connection_.database(),
        "INSERT INTO " + table.name + " (" + column_list(table) + ") VALUES (" + values + ")");
  }

  Connection& connection_;
  std::map<std::string, std::unique_ptr<SQLite::Statement>> inserts_;
  std::size_t runs_ = 0;
};

class SqliteTarget final : public CopyTarget {
 public:
  explicit SqliteTarget(const std::string& path) : path_(path), file_(connect_alone(path, false)) {}

  [[nodiscard]] std::string name() const override { return std::string(kSqliteScheme) + path_; }

  void expect(const std::string& source) override {
    auto& connection = *file_.connection;
    connection.write([&] {
      SqliteWriter writer(connection);
      check_empty(connection, writer);
      set_moved_to(connection, std::string(kIncompleteCopy) + source);
    });
  }

  // Of a large store the write-ahead log grows as large as the copy, until the commit.
  void fill(const std::function<void(CopyWriter&)>& fill) override {
    auto& connection = *file_.connection;
    connection.write([&] {
      SqliteWriter writer(connection);
      check_empty(connection, writer);
      // Nothing is written to a store that has it.
      set_moved_to(connection, std::nullopt);
      fill(writer);
    });
  }

  bool is_incomplete() override {
    auto& connection = *file_.connection;
    return connection.write([&] {
      const std::string mark = moved_to_of(connection);
      if (!is_incomplete_copy(mark)) return false;
      // What a failed commit left in the log goes by the next one that succeeds.
      set_moved_to(connection, mark);
      return true;
    });
  }

  void give_up() override {
    file_.connection->write([&] { set_moved_to(*file_.connection, std::nullopt); });
  }

 private:
  void check_empty(Connection& connection, SqliteWriter& writer) const {
    bool empty = connection.database().execAndGet("SELECT revision FROM meta").getInt64() == 0;
    for (const auto& table : copied_tables()) empty = empty && writer.count(table) == 0;
    if (!empty)
      throw StoreError(StoreError::Kind::fault,
                       "store " + path_ +
                           " is not empty: name a file that does not exist yet. (Where an earlier"
                           " copy was broken off at its end, this is that copy, and complete.)");
  }

  std::string path_;
  SqliteFileConnection file_;
};

}  // namespace

std::unique_ptr<CopySource> open_sqlite_source(const std::string& path, Timestamp now) {
  return std::make_unique<SqliteSource>(path, now);
}

std::unique_ptr<CopyTarget> open_sqlite_target(const std::string& path) {
  return std::make_unique<SqliteTarget>(path);
}

std::string sqlite_moved_to(const std::string& path) {
  const auto file = connect_sqlite(path, OpenMode::read_only, {});
  return file.connection->guarded([&] { return moved_to_of(*file.connection); });
}

std::string reopen_sqlite(const std::string& path) {
  const auto file = connect_alone(path, true, true);
  return file.connection->write([&] {
    const std::string moved_to = moved_to_of(*file.connection);
    set_moved_to(*file.connection, std::nullopt);
    return moved_to;
  });
}

}  // namespace rruled::store
