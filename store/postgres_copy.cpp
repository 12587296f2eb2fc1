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

// Bytes as \x and hexadecimal digits.
std::string hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

void add_cell(PgArray& array, const CopyCell& cell, CopyKind kind) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) {
    if (kind == CopyKind::flag) return array.add(*number != 0);
    return array.add(*number);
  }
  const auto* text = std::get_if<std::string>(&cell);
  if (text == nullptr) return array.add(std::optional<std::int64_t>());
  if (kind == CopyKind::bytes) return array.add(hex(*text));
  if (kind != CopyKind::id) return array.add(*text);
  ScheduleId id;  // of whatever the row is
  if (text->size() != id.value.size())
    throw StoreError(StoreError::Kind::corrupt, "an id of the source has not 16 bytes");
  std::copy(text->begin(), text->end(), id.value.begin());
  array.add(id);
}

// Each lives as long as the process, as Tx::exec() asks.
const std::string& insert_sql_of(const CopyTable& table) {
  static std::map<std::string, std::string> texts;
  auto& sql = texts[table.name];
  if (!sql.empty()) return sql;
  std::string arrays;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    arrays += (i == 0 ? "$" : ", $") + std::to_string(i + 1) +
              "::" + type_of(table.columns[i].kind) + "[]";
  // A run keeps its number: its attempts refer to it.
  sql = "INSERT INTO " + table.name + " (" + column_list(table) + ")" +
        (table.name == "runs" ? " OVERRIDING SYSTEM VALUE" : "") + " SELECT * FROM unnest(" +
        arrays + ")";
  return sql;
}

class PostgresWriter final : public CopyWriter {
 public:
  explicit PostgresWriter(Tx& tx) : tx_(tx) {}

  void write(const CopyTable& table, const std::vector<CopyRow>& rows) override {
    Params params;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      PgArray column;
      for (const auto& row : rows) add_cell(column, row[i], table.columns[i].kind);
      params.add(std::move(column));
    }
    tx_.exec(insert_sql_of(table), params);
  }

  void write(const CopyMarks& marks) override {
    static const std::string kMeta =
        "UPDATE meta SET revision = $1, runs_revision = $2, epoch = $3, zones_version = $4";
    // The next run comes after the last one.
    static const std::string kNumbers =
        "SELECT setval(pg_get_serial_sequence('runs', 'number'),"
        " (SELECT coalesce(max(number), 0) + 1 FROM runs), false)";
    Params params;
    params.add(marks.revision).add(marks.runs_revision).add(marks.epoch).add(marks.zones_version);
    tx_.exec(kMeta, params);
    tx_.exec(kNumbers);
  }

  std::size_t count(const CopyTable& table) override {
    const auto result = tx_.exec_text("SELECT count(*) FROM " + table.name);
    return PgReader(result, 0).read<std::size_t>();
  }

 private:
  Tx& tx_;
};

class PostgresTarget final : public CopyTarget {
 public:
  explicit PostgresTarget(std::unique_ptr<PgConnection> connection)
      : connection_(std::move(connection)) {}

  [[nodiscard]] std::string name() const override { return connection_->shown(); }

  void fill(const std::function<void(CopyWriter&)>& fill) override {
    connection_->write(Timestamp{}, [&](Tx& tx) {
      PostgresWriter writer(tx);
      check_empty(tx, writer);
      fill(writer);
    });
  }

 private:
  void check_empty(Tx& tx, PostgresWriter& writer) const {
    // The lock keeps other writers out; a daemon that runs here already finds nothing to do.
    static const std::string kRevision = "SELECT revision FROM meta FOR UPDATE";
    const auto result = tx.exec(kRevision);
    bool empty = PgReader(result, 0).read<std::int64_t>() == 0;
    for (const auto& table : copied_tables()) empty = empty && writer.count(table) == 0;
    if (!empty)
      throw StoreError(StoreError::Kind::fault,
                       "store " + name() + " has rows in schema \"" +
                           connection_->options().schema +
                           "\" already: choose another store.schema or database. (Where an "
                           "earlier copy was broken off at its end, this is that copy, and "
                           "complete.)");
  }

  std::unique_ptr<PgConnection> connection_;
};

}  // namespace

std::unique_ptr<CopyTarget> open_postgres_target(const StoreLocation& location) {
  PostgresOptions options;
  options.schema = location.schema;
  options.pooler = location.pooler;
  // Counting a long ledger takes its time, and so may reading the source between two pages.
  options.statement_timeout = milliseconds(0);
  options.idle_timeout = milliseconds(0);
  // Makes and checks the schema.
  (void)open_postgres(location.url, OpenMode::daemon, options);
  return std::make_unique<PostgresTarget>(std::make_unique<PgConnection>(
      parse_postgres_url(location.url, false), OpenMode::daemon, options));
}

}  // namespace rruled::store
