#include "store/sqlite_audience.h"

#include "store/audience_columns.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"

#include <limits>
#include <map>
#include <variant>

namespace rruled::store {
namespace {

// A statement's parameters as they come.
class Where {
 public:
  std::string add(std::int64_t value) { return parameter(value); }
  std::string add(const std::string& value) { return parameter(value); }
  std::string add(PersonId value) { return parameter(value); }
  void bind(Query& query) const {
    for (const auto& value : values_)
      std::visit([&](const auto& each) { query.bind(each); }, value);
  }

 private:
  template <class Value>
  std::string parameter(const Value& value) {
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

// The persons of a project after one, in order of id.
class PersonScan {
 public:
  PersonScan(Connection& connection,
             std::int64_t project_id,
             PersonId after,
             const PersonFilter& filter)
      : matcher_(filter),
        keys_(keys_of(filter)),
        after_(after),
        statement_(connection.database(), sql()),
        query_(statement_) {
    for (const auto& key : keys_) query_.bind(key);
    query_.bind(project_id).bind(after_);
    step();
  }
  struct Looked {
    PersonId id;
    bool matches = false;
  };
  // Nobody is left.
  [[nodiscard]] bool done() const { return !id_; }
  // The next one.
  [[nodiscard]] Looked look() {
    Looked looked{*id_};
    std::vector<PersonValue> values;
    for (; id_ == looked.id; step())
      if (value_) values.push_back(std::move(*value_));
    looked.matches = matcher_.matches(values);
    return looked;
  }

 private:
  [[nodiscard]] std::string sql() const {
    // Without a list SQLite would read all properties there are for each person.
    std::string list = keys_.empty() ? "NULL" : "";
    for (std::size_t i = 0; i < keys_.size(); ++i) list += i == 0 ? "?" : ", ?";
    return "SELECT p.id, v.person_id, " + column_list<PersonValue>("v.") +
           " FROM persons p INDEXED BY persons_by_project"
           " LEFT JOIN person_values v ON v.person_id = p.id AND v.key IN (" +
           list + ") WHERE p.project_id = ? AND p.id > ? ORDER BY p.id";
  }
  // One property of a person, or that there is none.
  void step() {
    id_.reset();
    value_.reset();
    if (!query_.step()) return;
    id_ = query_.read<PersonId>();
    if (query_.read<std::optional<PersonId>>()) value_ = read_row<PersonValue>(query_);
  }

  PersonMatcher matcher_;
  std::vector<std::string> keys_;
  PersonId after_;
  SQLite::Statement statement_;
  Query query_;
  std::optional<PersonId> id_;
  std::optional<PersonValue> value_;
};

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
  static const std::string kTouch = "UPDATE persons SET updated_at = ? WHERE id = ?";
  static const std::string kForget = "DELETE FROM person_values WHERE person_id = ?";
  static const std::string kValue = "INSERT INTO person_values (person_id, " +
                                    column_list<PersonValue>() + ") VALUES (?, " +
                                    parameter_list<PersonValue>() + ")";
  const auto known = id_of(connection, put.person);
  Person row = put.person;
  row.created_at = row.updated_at = now;
  if (known && put.keep) {
    Query(connection, kTouch).bind(now).bind(*known).run();
    return false;
  }
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

std::unique_ptr<Audience> SqliteStore::audience() {
  return std::make_unique<SqliteAudience>(*this);
}

PersonsPut SqliteAudience::put_persons(const std::vector<PersonPut>& persons,
                                       const AuditEntry& entry,
                                       Timestamp now) {
  validate(persons);
  const auto last = by_name(persons);
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
  std::string condition = "p.project_id = " + where.add(query.project_id);
  if (query.id) condition += " AND p.id = " + where.add(*query.id);
  if (query.distinct_id) condition += " AND p.distinct_id = " + where.add(*query.distinct_id);
  const Where counted = where;
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  const std::string limit = where.add(static_cast<std::int64_t>(std::min(range.limit, kMax))) +
                            " OFFSET " +
                            where.add(static_cast<std::int64_t>(std::min(range.offset, kMax)));
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

std::optional<AudienceSize> SqliteAudience::size(std::int64_t project_id,
                                                 const PersonFilter& filter,
                                                 const GoOn& go_on) {
  return connection_->read([&]() -> std::optional<AudienceSize> {
    AudienceSize size;
    PersonScan scan(*connection_, project_id, PersonId{}, filter);
    while (!scan.done()) {
      if (size.total > 0 && go_on && !go_on()) return std::nullopt;
      ++size.total;
      if (scan.look().matches) ++size.affected;
    }
    return size;
  });
}

FanOutPage SqliteAudience::read_page(const FanOut& request, const Run& run, const Job& job) {
  static const std::string kPerson =
      "SELECT " + column_list<Person>() + " FROM persons WHERE id = ?";
  FanOutPage page;
  const std::size_t wanted = page_size(request, job);
  PersonScan scan(*connection_, run.project_id, job.cursor.value_or(PersonId{}), request.filter);
  for (std::size_t looked = 1; !scan.done(); ++looked) {
    const auto person = scan.look();
    if (person.matches) {
      Query query(*connection_, kPerson);
      if (query.bind(person.id).step()) page.matched.push_back(read_row<Person>(query));
    }
    if (!scan.done() && ends_page(request, looked, page.matched.size() >= wanted)) {
      page.looked_to = person.id;
      break;
    }
  }
  return page;
}

}  // namespace rruled::store
