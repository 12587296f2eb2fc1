#include "store/postgres_copy.h"

#include "store/postgres_connection.h"
#include "store/postgres_rows.h"

#include <map>

namespace rruled::store {
namespace {

std::string type_of(CopyKind kind) {
  switch (kind) {
    case CopyKind::integer:
      return "bigint";
    case CopyKind::flag:
      return "boolean";
    case CopyKind::text:
      return "text";
    case CopyKind::id:
      return "uuid";
    case CopyKind::bytes:
      return "bytea";
  }
  return "text";
}

void add_cell(PgArray& array, const CopyCell& cell, CopyKind kind) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) {
    if (kind == CopyKind::flag) return array.add(*number != 0);
    return array.add(*number);
  }
  const auto* text = std::get_if<std::string>(&cell);
  if (text == nullptr) return array.add(std::optional<std::int64_t>());
  if (kind != CopyKind::id) return array.add(*text);  // bytes as they are, too
  ScheduleId id;                                      // of whatever the row is
  if (text->size() != id.value.size())
    throw StoreError(StoreError::Kind::corrupt, "an id of the source has not 16 bytes");
  std::copy(text->begin(), text->end(), id.value.begin());
  array.add(id);
}

// A table of PostgreSQL that takes columns of a copied one.
struct Part {
  std::string table;
  PgWanted wanted = every_column;
};
bool is_body_column(std::string_view name) { return !is_run_column(name) || name == "number"; }

std::vector<Part> parts_of(const std::string& table) {
  if (table == "schedules")
    return {{"schedule_rules", is_rule_column}, {"schedule_states", is_state_column}};
  if (table == "runs") return {{"runs", is_run_column}, {"run_bodies", is_body_column}};
  return {{table}};
}

// Each lives as long as the process, as Tx::exec() asks.
const std::string& insert_sql_of(const CopyTable& table, const Part& part) {
  static std::map<std::string, std::string> texts;
  auto& sql = texts[part.table];
  if (!sql.empty()) return sql;
  std::string columns;
  std::string arrays;
  int count = 0;
  for (const auto& column : table.columns) {
    if (!part.wanted(column.name)) continue;
    const bool body = part.table == "run_bodies" && column.name == "number";
    columns += (count == 0 ? "" : ", ") + (body ? "run" : column.name);
    arrays +=
        (count == 0 ? "$" : ", $") + std::to_string(count + 1) + "::" + type_of(column.kind) + "[]";
    ++count;
  }
  // A run keeps its number: its attempts refer to it.
  sql = "INSERT INTO " + part.table + " (" + columns + ")" +
        (part.table == "runs" ? " OVERRIDING SYSTEM VALUE" : "") + " SELECT * FROM unnest(" +
        arrays + ")";
  return sql;
}

class PostgresWriter final : public CopyWriter {
 public:
  explicit PostgresWriter(Tx& tx) : tx_(tx) {}

  void write(const CopyTable& table, const std::vector<CopyRow>& rows) override {
    for (const auto& part : parts_of(table.name)) {
      Params params;
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        if (!part.wanted(table.columns[i].name)) continue;
        PgArray column(type_of(table.columns[i].kind));
        for (const auto& row : rows) add_cell(column, row[i], table.columns[i].kind);
        params.add(std::move(column));
      }
      tx_.exec(insert_sql_of(table, part), params);
    }
  }

  void write(const CopyMarks& marks) override {
    static const std::string kMeta =
        "UPDATE meta SET revision = $1, runs_revision = $2, epoch = $3, zones_version = $4";
    static const std::string kIncomplete =
        "INSERT INTO incomplete_runs (run, id, schedule_id, parent_id, owner, project_id, due_at,"
        " available_at, status, executor, start_before, retry_until)"
        " SELECT number, id, schedule_id, parent_id, owner, project_id, due_at, available_at,"
        " status,"
        " executor, start_before,"
        " CASE WHEN status = 'retrying' THEN started_at + retry_max_age END FROM runs"
        " WHERE status <> 'completed'";
    // The next run comes after the last one.
    static const std::string kNumbers =
        "SELECT setval(pg_get_serial_sequence('runs', 'number'),"
        " (SELECT coalesce(max(number), 0) + 1 FROM runs), false)";
    Params params;
    params.add(marks.revision).add(marks.runs_revision).add(marks.epoch).add(marks.zones_version);
    tx_.exec(kMeta, params);
    tx_.exec(kNumbers);
    tx_.exec(kIncomplete);
  }

  std::size_t count(const CopyTable& table) override {
    const auto result = tx_.exec_text("SELECT count(*) FROM " + table.name);
    return PgReader(result, 0).read<std::size_t>();
  }

  // The server has them: no constraint of the schema waits for the commit.
  void flush() override {}

 private:
  Tx& tx_;
};

// The mark of an incomplete copy, or empty. Waits for a copy that is being written.
std::string lock_mark(Tx& tx) {
  static const std::string kMark = "SELECT incomplete_copy FROM meta WHERE one = 1 FOR UPDATE";
  return PgReader(tx.exec(kMark), 0).read<std::string>();
}

void set_mark(Tx& tx, const std::string& mark) {
  static const std::string kMark = "UPDATE meta SET incomplete_copy = $1 WHERE one = 1";
  tx.exec(kMark, Params().add(mark));
}

PostgresOptions options_of(const StoreLocation& location) {
  PostgresOptions options;
  options.schema = location.schema;
  options.pooler = location.pooler;
  options.even_if_incomplete = true;
  return options;
}

class PostgresTarget final : public CopyTarget {
 public:
  explicit PostgresTarget(std::unique_ptr<PgConnection> connection)
      : connection_(std::move(connection)) {}

  [[nodiscard]] std::string name() const override {
    const auto& schema = connection_->options().schema;
    return connection_->shown() +
           (schema == PostgresOptions().schema ? "" : " (schema \"" + schema + "\")");
  }

  void expect(const std::string& source) override {
    connection_->write(Timestamp{}, [&](Tx& tx) {
      check_rights(tx);
      PostgresWriter writer(tx);
      check_empty(tx, writer);
      set_mark(tx, std::string(kIncompleteCopy) + source);
    });
  }

  void fill(const std::function<void(CopyWriter&)>& fill) override {
    connection_->write(Timestamp{}, [&](Tx& tx) {
      PostgresWriter writer(tx);
      check_empty(tx, writer);
      fill(writer);
      set_mark(tx, {});
    });
  }

  bool is_incomplete() override {
    return connection_->write(Timestamp{}, [](Tx& tx) { return !lock_mark(tx).empty(); });
  }

  void give_up() override {
    connection_->write(Timestamp{}, [](Tx& tx) { set_mark(tx, {}); });
  }

 private:
  // The number of the next run is set at the end, after hours maybe.
  void check_rights(Tx& tx) const {
    static const std::string kMaySet =
        "SELECT has_sequence_privilege(pg_get_serial_sequence('runs', 'number'), 'UPDATE')";
    if (PgReader(tx.exec(kMaySet), 0).read<bool>()) return;
    const std::string schema = quote_name(connection_->options().schema);
    throw StoreError(StoreError::Kind::read_only,
                     "store " + connection_->shown() +
                         ": the role may not set the number of the next run; nothing was copied:"
                         " GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA " +
                         schema + " to it, as the role that owns them");
  }
  void check_empty(Tx& tx, PostgresWriter& writer) const {
    // The lock keeps other writers out; a daemon that runs here already finds nothing to do.
    static const std::string kRevision = "SELECT revision FROM meta FOR UPDATE";
    const auto result = tx.exec(kRevision);
    bool empty = PgReader(result, 0).read<std::int64_t>() == 0;
    for (const auto& table : copied_tables()) empty = empty && writer.count(table) == 0;
    if (!empty)
      throw StoreError(StoreError::Kind::fault,
                       "store " + connection_->shown() + " has rows in schema \"" +
                           connection_->options().schema +
                           "\" already: choose another store.schema or database. (Where an earlier"
                           " copy was broken off at its end, this is that copy, and complete.)");
  }

  std::unique_ptr<PgConnection> connection_;
};

}  // namespace

std::unique_ptr<CopyTarget> open_postgres_target(const StoreLocation& location) {
  auto options = options_of(location);
  // Counting a long ledger takes its time, and so may reading the source between two pages.
  options.statement_timeout = milliseconds(0);
  options.idle_timeout = milliseconds(0);
  // Makes and checks the schema; of a copy that is refused an older one stays as it is.
  (void)open_postgres(location.url, OpenMode::command, options);
  return std::make_unique<PostgresTarget>(std::make_unique<PgConnection>(
      parse_postgres_url(location.url, false), OpenMode::command, options));
}

std::string postgres_mark(const StoreLocation& location) {
  static const std::string kMark = "SELECT incomplete_copy FROM meta WHERE one = 1";
  const auto store = open_postgres(location.url, OpenMode::read_only, options_of(location));
  return store->connection().read(
      [](Tx& tx) { return PgReader(tx.exec(kMark), 0).read<std::string>(); });
}

std::string reopen_postgres(const StoreLocation& location) {
  const auto store = open_postgres(location.url, OpenMode::command, options_of(location));
  return store->connection().write(Timestamp{}, [](Tx& tx) {
    auto mark = lock_mark(tx);
    if (!mark.empty()) set_mark(tx, {});
    return mark;
  });
}

}  // namespace rruled::store
