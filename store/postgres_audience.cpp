#include "store/postgres_audience.h"

#include "store/audience_columns.h"
#include "store/postgres_rows.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace rruled::store {
namespace {

// What one statement looks at: so little that it is through in a fraction of a second, whatever the
// filter, and that what it gives needs little memory. A test is a condition, or a text that may be
// contained.
constexpr std::size_t kChunkPersons = 2'000;
constexpr std::size_t kChunkBytes = std::size_t{4} << 20U;  // of the texts that are compared
constexpr std::size_t kChunkPersonTests = 100'000;
constexpr std::size_t kChunkByteTests = std::size_t{64} << 20U;

std::size_t tests_of(const PersonFilter& filter) {
  if (filter.kind == PersonFilter::Kind::condition) {
    const auto op = filter.condition.op;
    const bool several = op == PersonOperator::icontains || op == PersonOperator::not_icontains;
    return several ? filter.condition.values.size() : 1;
  }
  std::size_t tests = 0;
  for (const auto& part : filter.parts) tests += tests_of(part);
  return tests;
}

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
                        const std::vector<PersonId>& persons,
                        const std::vector<std::string>& keys) {
  // By person: with = ANY PostgreSQL would rather read the whole table.
  static const std::string kValues =
      "SELECT v.person_id, " + pg_columns<PersonValue>("v.") +
      " FROM unnest($1::uuid[]) AS i(id) JOIN person_values v ON v.person_id = i.id"
      " AND v.key = ANY($2::text[])";
  ValuesOf all;
  for_each_row(tx.exec(kValues, Params().add_all(persons).add_all(keys)), [&](PgReader& row) {
    const auto id = row.read<PersonId>();
    all[id].push_back(row.read_row<PersonValue>());
  });
  return all;
}

std::vector<Person> read_persons(Tx& tx, const std::vector<PersonId>& ids) {
  static const std::string kPersons =
      "SELECT " + pg_columns<Person>("p.") +
      " FROM unnest($1::uuid[]) AS i(id) JOIN persons p ON p.id = i.id ORDER BY p.id";
  if (ids.empty()) return {};
  return read_table<Person>(tx.exec(kPersons, Params().add_all(ids)));
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

// Those of a project that match, in order of id, in chunks.
class Reader {
 public:
  Reader(Tx& tx, std::int64_t project_id, const PersonFilter& filter)
      : tx_(tx),
        project_id_(project_id),
        filter_(filter),
        matcher_(filter),
        keys_(keys_of(filter)),
        tests_(std::max<std::size_t>(tests_of(filter), 1)) {}

  struct Chunk {
    std::vector<PersonId> matched;
    std::optional<PersonId> looked_to;  // absent: there is nobody
    std::size_t looked = 0;             // persons
    bool last = false;                  // nobody comes after these
  };
  // Looks at `persons` at the most, until `wanted` have matched. At the end of the chunk, and where
  // RE2 decides, before each further person, `go_on` is asked.
  [[nodiscard]] Chunk read(PersonId after,
                           std::size_t persons,
                           std::size_t wanted,
                           const GoOn& go_on);

 private:
  [[nodiscard]] Chunk extent(PersonId after, std::size_t persons);
  // Ends the chunk where `go_on` says no.
  void match(Chunk& chunk, const GoOn& go_on);

  Tx& tx_;
  std::int64_t project_id_;
  const PersonFilter& filter_;
  PersonMatcher matcher_;
  std::vector<std::string> keys_;
  std::size_t tests_;
};

// Whom the next statement looks at: their sizes are known without reading the texts.
Reader::Chunk Reader::extent(PersonId after, std::size_t persons) {
  static const std::string kExtent =
      "WITH next AS (SELECT id FROM persons WHERE project_id = $1::bigint AND id > $2::uuid"
      "  ORDER BY id LIMIT $3::bigint + 1),"
      " counted AS (SELECT id, row_number() OVER w AS n, sum((SELECT coalesce(sum("
      "  octet_length(v.value) + coalesce(octet_length(v.folded), 0)), 0) FROM person_values v"
      "  WHERE v.person_id = next.id AND v.key = ANY($5::text[]))) OVER w AS bytes FROM next"
      "  WINDOW w AS (ORDER BY id))"
      " SELECT id, n, (SELECT count(*) FROM next) FROM counted"
      " WHERE n = 1 OR (n <= $3::bigint AND bytes <= $4::bigint) ORDER BY n DESC LIMIT 1";
  persons = std::min({persons, kChunkPersons, kChunkPersonTests / tests_ + 1});
  Params params;
  params.add(project_id_).add(after).add(pg_limit(persons));
  params.add(pg_limit(std::min(kChunkBytes, kChunkByteTests / tests_))).add_all(keys_);
  const auto rows = tx_.exec(kExtent, params);
  Chunk chunk;
  chunk.last = rows.empty();
  for_each_row(rows, [&](PgReader& row) {
    chunk.looked_to = row.read<PersonId>();
    chunk.looked = row.read<std::size_t>();
    chunk.last = row.read<std::size_t>() == chunk.looked;
  });
  return chunk;
}

Reader::Chunk Reader::read(PersonId after,
                           std::size_t persons,
                           std::size_t wanted,
                           const GoOn& go_on) {
  Chunk chunk = extent(after, persons);
  if (!chunk.looked_to) return chunk;
  PgWhere where;
  std::string condition = "p.project_id = " + where.parameter(project_id_);
  condition += " AND p.id > " + where.parameter(after);
  condition += " AND p.id <= " + where.parameter(*chunk.looked_to);
  const auto compiled = compile(filter_, where);
  condition += " AND " + row_by_row(compiled.condition) + " ORDER BY p.id";
  if (!compiled.narrowed) condition += " LIMIT " + where.integer(pg_limit(wanted));
  chunk.matched = read_values<PersonId>(
      tx_.exec_once("SELECT p.id FROM persons p WHERE " + condition, where.params()));
  if (compiled.narrowed) match(chunk, go_on);
  if (chunk.matched.size() >= wanted && chunk.matched[wanted - 1] != *chunk.looked_to) {
    chunk.matched.resize(wanted);
    chunk.looked_to = chunk.matched.back();
    chunk.last = false;
  }
  return chunk;
}

void Reader::match(Chunk& chunk, const GoOn& go_on) {
  const auto values = read_values_of(tx_, chunk.matched, keys_);
  std::vector<PersonId> matched;
  for (std::size_t i = 0; i < chunk.matched.size(); ++i) {
    const auto id = chunk.matched[i];
    const auto found = values.find(id);
    if (matcher_.matches(found == values.end() ? std::vector<PersonValue>() : found->second))
      matched.push_back(id);
    if (i + 1 < chunk.matched.size() && go_on && !go_on()) {
      chunk.looked_to = id;
      chunk.last = false;
      break;
    }
  }
  chunk.matched = std::move(matched);
}

// Whom nobody had the name of; gives their ids and names. A writer of the same name who is under
// way is waited for, and then it has made them.
pqxx::result insert_new(Tx& tx, const PersonsByName& puts) {
  static const std::string kInsert =
      pg_insert<Person>() +
      " ON CONFLICT (project_id, distinct_id) DO NOTHING RETURNING id, project_id, distinct_id";
  std::vector<Person> persons;
  for (const auto& [name, put] : puts) {
    persons.push_back(put->person);
    persons.back().created_at = persons.back().updated_at = tx.now();
  }
  std::vector<const Person*> rows;
  for (const auto& person : persons) rows.push_back(&person);
  return tx.exec(kInsert, Params().add_rows(rows));
}

// The others, in one order for all writers.
pqxx::result update_known(Tx& tx, const PersonsByName& puts) {
  static const std::string kUpdate =
      "WITH known AS (SELECT p.id, n.properties FROM unnest($1::bigint[], $2::text[], $3::text[])"
      "   AS n(project_id, distinct_id, properties)"
      "  JOIN persons p ON p.project_id = n.project_id AND p.distinct_id = n.distinct_id"
      "  ORDER BY p.id FOR UPDATE OF p)"
      " UPDATE persons p SET properties = coalesce(known.properties, p.properties),"
      "   updated_at = $4::bigint FROM known"
      " WHERE p.id = known.id RETURNING p.id, p.project_id, p.distinct_id";
  const auto person = [](const auto& each) -> const Person& { return each.second->person; };
  Params params;
  params.add_each(puts, [&](const auto& each) { return person(each).project_id; });
  params.add_each(
      puts, [&](const auto& each) -> const auto& { return person(each).distinct_id; });
  params.add_each(puts, [&](const auto& each) {
    return each.second->keep ? std::nullopt : std::optional(person(each).properties);
  });
  return tx.exec(kUpdate, params.add(tx.now()));
}

// Of those that were written and do not keep what they have; all of them are taken out of `puts`.
// Gives how many they are.
std::size_t put_values(Tx& tx, PersonsByName& puts, const pqxx::result& written) {
  static const std::string kForget = "DELETE FROM person_values WHERE person_id = ANY($1::uuid[])";
  static const std::string kInsert =
      "INSERT INTO person_values (person_id, " + pg_columns<PersonValue>() +
      ") SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[],"
      " $6::bigint[])";
  if (written.empty()) return 0;
  std::vector<PersonId> persons;
  std::vector<PersonId> owners;
  std::vector<const PersonValue*> values;
  for_each_row(written, [&](PgReader& row) {
    const auto id = row.read<PersonId>();
    const auto project = row.read<std::int64_t>();
    const auto put = puts.find({project, row.read<std::string>()});
    if (!put->second->keep) persons.push_back(id);
    for (const auto& value : put->second->values) {
      owners.push_back(id);
      values.push_back(&value);
    }
    puts.erase(put);
  });
  if (!persons.empty()) tx.exec(kForget, Params().add_all(persons));
  if (!values.empty()) tx.exec(kInsert, Params().add_all(owners).add_rows(values));
  return static_cast<std::size_t>(written.size());
}

}  // namespace

std::unique_ptr<Audience> PostgresStore::audience() {
  return std::make_unique<PostgresAudience>(*this);
}

PersonsPut PostgresAudience::put_persons(const std::vector<PersonPut>& persons,
                                         const AuditEntry& entry,
                                         Timestamp now) {
  validate(persons);
  // In order, so that two writers never wait for each other.
  const auto last = by_name(persons);
  return connection_.write(now, [&](Tx& tx) {
    PersonsPut result;
    auto known = last;
    // Again for one that somebody removed in between.
    while (!known.empty()) {
      result.created += put_values(tx, known, insert_new(tx, known));
      if (!known.empty()) result.updated += put_values(tx, known, update_known(tx, known));
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

std::optional<AudienceSize> PostgresAudience::size(std::int64_t project_id,
                                                   const PersonFilter& filter,
                                                   const GoOn& go_on) {
  constexpr auto kAll = std::numeric_limits<std::size_t>::max();
  bool stopped = false;
  const GoOn goes_on = [&] {
    stopped = stopped || (go_on && !go_on());
    return !stopped;
  };
  return connection_.read([&](Tx& tx) -> std::optional<AudienceSize> {
    AudienceSize size;
    Reader reader(tx, project_id, filter);
    for (PersonId after{};;) {
      const auto chunk = reader.read(after, kAll, kAll, goes_on);
      size.affected += chunk.matched.size();
      size.total += chunk.looked;
      if (chunk.last) return size;
      if (stopped || !goes_on()) return std::nullopt;
      after = *chunk.looked_to;
    }
  });
}

FanOutPage read_audience_page(Tx& tx,
                              const FanOut& request,
                              std::int64_t project_id,
                              const Job& job) {
  FanOutPage page;
  Reader reader(tx, project_id, request.filter);
  const std::size_t wanted = page_size(request, job);
  std::vector<PersonId> matched;
  bool stopped = false;
  const GoOn goes_on = [&] {
    stopped = stopped || (request.go_on && !request.go_on());
    return !stopped;
  };
  PersonId after = job.cursor.value_or(PersonId{});
  for (std::size_t looked = 0;;) {
    const auto chunk =
        reader.read(after, request.look_at - looked, wanted - matched.size(), goes_on);
    matched.insert(matched.end(), chunk.matched.begin(), chunk.matched.end());
    looked += chunk.looked;
    if (chunk.last) break;
    after = *chunk.looked_to;
    if (matched.size() >= wanted || looked >= request.look_at || stopped || !goes_on()) {
      page.looked_to = after;
      break;
    }
  }
  page.matched = read_persons(tx, matched);
  return page;
}

}  // namespace rruled::store
