#include "store/postgres_audience.h"

#include "store/audience_columns.h"
#include "store/postgres_rows.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace rruled::store {
namespace {

// Persons that are read at once to be looked at by RE2.
constexpr std::size_t kChunk = 2'000;

// A statement's parameters as they come.
class PgWhere final : public PersonSql {
 public:
  std::string text(const std::string& value) override { return parameter(value); }
  std::string integer(std::int64_t value) override { return parameter(value); }
  std::string one_of(const std::string& column, const std::vector<std::string>& values) override {
    params_.add_all(values);
    return column + " = ANY($" + std::to_string(++count_) + "::text[])";
  }
  [[nodiscard]] std::string contains(const std::string& hay,
                                     const std::string& needle) const override {
    return "position(" + needle + " in " + hay + ") > 0";
  }
  [[nodiscard]] std::string bytewise(const std::string& column) const override {
    return column + " COLLATE \"C\"";
  }
  std::optional<std::string> regex(const std::string&, const std::string&) override {
    return std::nullopt;
  }
  // "$3::bigint"
  template <class T>
  std::string parameter(const T& value) {
    params_.add(value);
    return "$" + std::to_string(++count_) + "::" + std::string(pg_type<T>());
  }
  [[nodiscard]] const Params& params() const { return params_; }

 private:
  Params params_;
  int count_ = 0;
};

std::size_t count_of(Tx& tx, const PgWhere& where, const std::string& condition) {
  const auto found =
      tx.exec_once("SELECT count(*) FROM persons p WHERE " + condition, where.params());
  return PgReader(found, 0).read<std::size_t>();
}

using ValuesOf = std::map<PersonId, std::vector<PersonValue>>;

ValuesOf read_values_of(Tx& tx,
                        const std::vector<Person>& persons,
                        const std::vector<std::string>& keys) {
  // By person: with = ANY PostgreSQL would rather read the whole table.
  static const std::string kValues =
      "SELECT v.person_id, " + pg_columns<PersonValue>("v.") +
      " FROM unnest($1::uuid[]) AS i(id) JOIN person_values v ON v.person_id = i.id"
      " AND v.key = ANY($2::text[])";
  ValuesOf all;
  Params params;
  params.add_each(persons, [](const Person& person) { return person.id; }).add_all(keys);
  for_each_row(tx.exec(kValues, params), [&](PgReader& row) {
    const auto id = row.read<PersonId>();
    all[id].push_back(row.read_row<PersonValue>());
  });
  return all;
}

// The condition, looked up person by person: as a join PostgreSQL would read all values of
// everybody for each chunk of persons. What has an OFFSET stays where it is.
std::string row_by_row(std::string condition) {
  static const std::string kJoined = "FROM person_values v WHERE v.person_id = p.id";
  static const std::string kApart =
      "FROM (SELECT * FROM person_values w WHERE w.person_id = p.id OFFSET 0) v"
      " WHERE v.person_id = p.id";
  for (auto at = condition.find(kJoined); at != std::string::npos;
       at = condition.find(kJoined, at + kApart.size()))
    condition.replace(at, kJoined.size(), kApart);
  return condition;
}

// Those of a project in (after, until] that match, in order of id, in chunks.
class Reader {
 public:
  Reader(Tx& tx, std::int64_t project_id, const PersonFilter& filter)
      : tx_(tx),
        project_id_(project_id),
        filter_(filter),
        matcher_(filter),
        keys_(keys_of(filter)) {}

  struct Chunk {
    std::vector<Person> matched;
    PersonId looked_to;
    bool last = false;
  };
  [[nodiscard]] Chunk read(PersonId after, std::optional<PersonId> until, std::size_t limit);

 private:
  Tx& tx_;
  std::int64_t project_id_;
  const PersonFilter& filter_;
  PersonMatcher matcher_;
  std::vector<std::string> keys_;
};

Reader::Chunk Reader::read(PersonId after, std::optional<PersonId> until, std::size_t limit) {
  PgWhere where;
  std::string condition = "p.project_id = " + where.parameter(project_id_);
  condition += " AND p.id > " + where.parameter(after);
  if (until) condition += " AND p.id <= " + where.parameter(*until);
  const auto compiled = compile(filter_, where);
  condition += " AND " + row_by_row(compiled.condition) + " ORDER BY p.id LIMIT ";
  condition += where.integer(pg_limit(limit));
  Chunk chunk;
  chunk.matched = read_table<Person>(tx_.exec_once(
      "SELECT " + pg_columns<Person>("p.") + " FROM persons p WHERE " + condition, where.params()));
  chunk.last = chunk.matched.size() < limit;
  if (!chunk.matched.empty()) chunk.looked_to = chunk.matched.back().id;
  if (compiled.narrowed) {
    const auto values = read_values_of(tx_, chunk.matched, keys_);
    std::erase_if(chunk.matched, [&](const Person& person) {
      const auto found = values.find(person.id);
      return !matcher_.matches(found == values.end() ? std::vector<PersonValue>() : found->second);
    });
  }
  return chunk;
}

bool needs_re2(const PersonFilter& filter) {
  PgWhere where;
  return compile(filter, where).narrowed;
}

// By name, the last of each, in order: so that two writers never wait for each other.
using ByName = std::map<std::pair<std::int64_t, std::string>, const PersonPut*>;

Params names_of(const ByName& last) {
  Params params;
  params.add_each(last, [](const auto& each) { return each.first.first; });
  params.add_each(last, [](const auto& each) -> const std::string& { return each.first.second; });
  return params;
}

void put_values(Tx& tx, const ByName& last, const pqxx::result& ids) {
  static const std::string kForget = "DELETE FROM person_values WHERE person_id = ANY($1::uuid[])";
  static const std::string kInsert =
      "INSERT INTO person_values (person_id, " + pg_columns<PersonValue>() +
      ") SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[],"
      " $6::bigint[])";
  std::vector<PersonId> persons;
  std::vector<PersonId> owners;
  std::vector<const PersonValue*> values;
  for_each_row(ids, [&](PgReader& row) {
    const auto id = persons.emplace_back(row.read<PersonId>());
    const auto project = row.read<std::int64_t>();
    for (const auto& value : last.at({project, row.read<std::string>()})->values) {
      owners.push_back(id);
      values.push_back(&value);
    }
  });
  tx.exec(kForget, Params().add_all(persons));
  if (!values.empty()) tx.exec(kInsert, Params().add_all(owners).add_rows(values));
}

}  // namespace

PersonsPut PostgresAudience::put_persons(const std::vector<PersonPut>& persons,
                                         const AuditEntry& entry,
                                         Timestamp now) {
  static const std::string kKnown =
      "SELECT count(*) FROM unnest($1::bigint[], $2::text[]) AS n(project_id, distinct_id)"
      " JOIN persons p ON p.project_id = n.project_id AND p.distinct_id = n.distinct_id";
  static const std::string kPut =
      pg_insert<Person>() +
      " ON CONFLICT (project_id, distinct_id) DO UPDATE SET properties = excluded.properties,"
      " updated_at = excluded.updated_at RETURNING id, project_id, distinct_id";
  validate(persons);
  ByName last;
  for (const auto& put : persons) last[{put.person.project_id, put.person.distinct_id}] = &put;
  return connection_.write(now, [&](Tx& tx) {
    std::vector<Person> rows;
    for (const auto& [name, put] : last) {
      rows.push_back(put->person);
      rows.back().created_at = rows.back().updated_at = tx.now();
    }
    PersonsPut result;
    if (!rows.empty()) {
      result.updated = PgReader(tx.exec(kKnown, names_of(last)), 0).read<std::size_t>();
      std::vector<const Person*> all;
      for (const auto& row : rows) all.push_back(&row);
      put_values(tx, last, tx.exec(kPut, Params().add_rows(all)));
      result.created = rows.size() - result.updated;
    }
    insert_audit(tx, {&entry});
    return result;
  });
}

Page<Person> PostgresAudience::persons(const PersonQuery& query, PageRange range) {
  PgWhere where;
  std::string condition = "p.project_id = " + where.parameter(query.project_id);
  if (query.id) condition += " AND p.id = " + where.parameter(*query.id);
  if (query.distinct_id) condition += " AND p.distinct_id = " + where.parameter(*query.distinct_id);
  const PgWhere counted = where;
  std::string limit = where.integer(pg_limit(range.limit));
  limit += " OFFSET " + where.integer(pg_limit(range.offset));
  return connection_.read([&](Tx& tx) {
    Page<Person> page;
    page.count = count_of(tx, counted, condition);
    page.rows = read_table<Person>(tx.exec_once("SELECT " + pg_columns<Person>("p.") +
                                                    " FROM persons p WHERE " + condition +
                                                    " ORDER BY p.id LIMIT " + limit,
                                                where.params()));
    return page;
  });
}

AudienceSize PostgresAudience::size(std::int64_t project_id, const PersonFilter& filter) {
  PgWhere all;
  const std::string everybody = "p.project_id = " + all.parameter(project_id);
  PgWhere where = all;
  const auto compiled = compile(filter, where);
  return connection_.read([&](Tx& tx) {
    AudienceSize size{.total = count_of(tx, all, everybody)};
    if (!compiled.narrowed) {
      size.affected = count_of(tx, where, everybody + " AND " + compiled.condition);
      return size;
    }
    Reader reader(tx, project_id, filter);
    for (PersonId after{};;) {
      const auto chunk = reader.read(after, std::nullopt, kChunk);
      size.affected += chunk.matched.size();
      if (chunk.last) return size;
      after = chunk.looked_to;
    }
  });
}

FanOutPage read_audience_page(Tx& tx, const FanOut& request, const Run& run, const Job& job) {
  static const std::string kRange =
      "SELECT id FROM persons WHERE project_id = $1::bigint AND id > $2::uuid ORDER BY id LIMIT 2"
      " OFFSET $3::bigint";
  FanOutPage page;
  PersonId after = job.cursor.value_or(PersonId{});
  Params range;
  range.add(run.project_id).add(after).add(pg_limit(request.look_at - 1));
  const auto ends = read_values<PersonId>(tx.exec(kRange, range));
  if (ends.size() == 2) page.looked_to = ends.front();
  Reader reader(tx, run.project_id, request.filter);
  const std::size_t wanted = page_size(request, job);
  const std::size_t limit = needs_re2(request.filter) ? kChunk : wanted;
  while (page.matched.size() < wanted) {
    auto chunk = reader.read(after, page.looked_to, limit);
    page.matched.insert(page.matched.end(), std::make_move_iterator(chunk.matched.begin()),
                        std::make_move_iterator(chunk.matched.end()));
    if (chunk.last) break;
    after = chunk.looked_to;
  }
  if (page.matched.size() > wanted) page.matched.resize(wanted);
  return page;
}

}  // namespace rruled::store
