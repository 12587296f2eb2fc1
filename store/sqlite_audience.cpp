#include "store/sqlite_audience.h"

#include "store/audience_columns.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"

#include <sqlite3.h>

#include <limits>
#include <map>
#include <variant>

namespace rruled::store {
namespace {

// ---- RE2 in SQL: rruled_re2(text, pattern) ------------------------------------------------------

std::string_view text_of(sqlite3_value* value) {
  // The text first: it decides how long it is.
  const void* bytes = sqlite3_value_text(value);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

// The pattern is compiled once a statement: SQLite keeps it beside the constant argument.
void re2_in_sql(sqlite3_context* context, int, sqlite3_value** arguments) {
  try {
    const auto* regex = static_cast<const PersonRegex*>(sqlite3_get_auxdata(context, 1));
    std::optional<PersonRegex> fresh;
    if (regex == nullptr) regex = &fresh.emplace(std::string(text_of(arguments[1])));
    sqlite3_result_int(context, regex->finds(text_of(arguments[0])) ? 1 : 0);
    if (!fresh) return;
    const auto forget = [](void* kept) { delete static_cast<PersonRegex*>(kept); };
    sqlite3_set_auxdata(context, 1, new PersonRegex(std::move(*fresh)), forget);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
  }
}

// ---- Filters ------------------------------------------------------------------------------------

// A statement's parameters as they come.
class Where final : public PersonSql {
 public:
  std::string text(const std::string& value) override { return add(value); }
  std::string integer(std::int64_t value) override { return add(value); }
  std::string id(PersonId value) { return add(value); }
  std::string one_of(const std::string& column, const std::vector<std::string>& values) override {
    std::string list;
    for (const auto& value : values) list += (list.empty() ? "" : ", ") + text(value);
    return column + " IN (" + list + ")";
  }
  [[nodiscard]] std::string contains(const std::string& hay,
                                     const std::string& needle) const override {
    return "instr(" + hay + ", " + needle + ") > 0";
  }
  [[nodiscard]] std::string bytewise(const std::string& column) const override { return column; }
  std::optional<std::string> regex(const std::string& column, const std::string& pattern) override {
    return "rruled_re2(" + column + ", " + text(pattern) + ")";
  }
  void bind(Query& query) const {
    for (const auto& value : values_)
      std::visit([&](const auto& each) { query.bind(each); }, value);
  }

 private:
  template <class Value>
  std::string add(const Value& value) {
    values_.emplace_back(value);
    return "?" + std::to_string(values_.size());
  }
  std::vector<std::variant<std::int64_t, std::string, PersonId>> values_;
};

std::size_t count_of(Connection& connection, const Where& where, const std::string& condition) {
  SQLite::Statement statement(connection.database(),
                              "SELECT count(*) FROM persons p WHERE " + condition);
  Query query(statement);
  where.bind(query);
  query.step();
  return query.read<std::size_t>();
}

std::optional<PersonId> id_of(Connection& connection, const Person& person) {
  static const std::string kFind =
      "SELECT id FROM persons WHERE project_id = ? AND distinct_id = ?";
  Query query(connection, kFind);
  if (!query.bind(person.project_id).bind(person.distinct_id).step()) return std::nullopt;
  return query.read<PersonId>();
}

// True when there was nobody of that name.
bool put_person(Connection& connection, const PersonPut& put, Timestamp now) {
  static const std::string kInsert = insert_sql<Person>();
  static const std::string kUpdate =
      "UPDATE persons SET properties = ?, updated_at = ? WHERE id = ?";
  static const std::string kForget = "DELETE FROM person_values WHERE person_id = ?";
  static const std::string kValue = "INSERT INTO person_values (person_id, " +
                                    column_list<PersonValue>() + ") VALUES (?, " +
                                    parameter_list<PersonValue>() + ")";
  const auto known = id_of(connection, put.person);
  Person row = put.person;
  row.created_at = row.updated_at = now;
  if (known) {
    row.id = *known;
    Query(connection, kUpdate).bind(row.properties).bind(now).bind(row.id).run();
    Query(connection, kForget).bind(row.id).run();
  } else {
    Query query(connection, kInsert);
    bind_row(query, row);
    query.run();
  }
  for (const auto& value : put.values) {
    Query query(connection, kValue);
    query.bind(row.id);
    bind_row(query, value);
    query.run();
  }
  return !known;
}

}  // namespace

SqliteAudience::SqliteAudience(SqliteStore& store)
    : store_(store), connection_(&store.connection()) {
  const int failed =
      sqlite3_create_function_v2(connection_->database().getHandle(), "rruled_re2", 2,
                                 SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, nullptr,
                                 re2_in_sql, nullptr, nullptr, nullptr);
  if (failed != SQLITE_OK)
    throw StoreError(StoreError::Kind::fault, std::string("SQLite takes no function: ") +
                                                  sqlite3_errstr(failed) + "; please report this");
}

PersonsPut SqliteAudience::put_persons(const std::vector<PersonPut>& persons,
                                       const AuditEntry& entry,
                                       Timestamp now) {
  validate(persons);
  std::map<std::pair<std::int64_t, std::string>, const PersonPut*> last;
  for (const auto& put : persons) last[{put.person.project_id, put.person.distinct_id}] = &put;
  return connection_->write([&] {
    PersonsPut result;
    for (const auto& [name, put] : last)
      ++(put_person(*connection_, *put, now) ? result.created : result.updated);
    insert_audit(*connection_, entry);
    return result;
  });
}

Page<Person> SqliteAudience::persons(const PersonQuery& query, PageRange range) {
  Where where;
  std::string condition = "p.project_id = " + where.integer(query.project_id);
  if (query.id) condition += " AND p.id = " + where.id(*query.id);
  if (query.distinct_id) condition += " AND p.distinct_id = " + where.text(*query.distinct_id);
  const Where counted = where;
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  const std::string limit = where.integer(static_cast<std::int64_t>(std::min(range.limit, kMax))) +
                            " OFFSET " +
                            where.integer(static_cast<std::int64_t>(std::min(range.offset, kMax)));
  return connection_->read([&] {
    Page<Person> page;
    page.count = count_of(*connection_, counted, condition);
    SQLite::Statement statement(connection_->database(), "SELECT " + column_list<Person>("p.") +
                                                             " FROM persons p WHERE " + condition +
                                                             " ORDER BY p.id LIMIT " + limit);
    Query rows(statement);
    where.bind(rows);
    page.rows = read_rows<Person>(rows);
    return page;
  });
}

AudienceSize SqliteAudience::size(std::int64_t project_id, const PersonFilter& filter) {
  Where all;
  const std::string everybody = "p.project_id = " + all.integer(project_id);
  Where where = all;
  const std::string condition = everybody + " AND " + compile(filter, where).condition;
  return connection_->read([&] {
    return AudienceSize{.affected = count_of(*connection_, where, condition),
                        .total = count_of(*connection_, all, everybody)};
  });
}

FanOutPage SqliteAudience::read_page(const FanOut& request, const Run& run, const Job& job) {
  static const std::string kRange =
      "SELECT id FROM persons WHERE project_id = ? AND id > ? ORDER BY id LIMIT 2 OFFSET ?";
  FanOutPage page;
  const PersonId after = job.cursor.value_or(PersonId{});
  {
    Query range(*connection_, kRange);
    range.bind(run.project_id).bind(after).bind(request.look_at - 1);
    if (range.step()) {
      const auto last = range.read<PersonId>();
      if (range.step()) page.looked_to = last;
    }
  }
  Where where;
  std::string condition = "p.project_id = " + where.integer(run.project_id);
  condition += " AND p.id > " + where.id(after);
  if (page.looked_to) condition += " AND p.id <= " + where.id(*page.looked_to);
  condition += " AND " + compile(request.filter, where).condition;
  const std::string limit = where.integer(static_cast<std::int64_t>(page_size(request, job)));
  SQLite::Statement statement(connection_->database(), "SELECT " + column_list<Person>("p.") +
                                                           " FROM persons p WHERE " + condition +
                                                           " ORDER BY p.id LIMIT " + limit);
  Query rows(statement);
  where.bind(rows);
  page.matched = read_rows<Person>(rows);
  return page;
}

}  // namespace rruled::store
