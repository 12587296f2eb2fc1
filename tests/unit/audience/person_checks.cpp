#include "stage.h"

#include <catch2/catch.hpp>

namespace rruled::test {
namespace {

std::string names(const std::vector<Person>& persons) {
  std::string text;
  for (const auto& person : persons) text += (text.empty() ? "" : " ") + person.distinct_id;
  return text;
}

void put_and_read(store::Store& store) {
  Stage stage(store);
  auto& audience = *stage.audience;
  CHECK(audience.put_persons({}, AuditEntry{}, stage.now) == PersonsPut{});
  CHECK(audience.put_persons(table_persons(), AuditEntry{}, stage.now) == PersonsPut{6, 0});
  const auto page = audience.persons({}, {.limit = 4, .offset = 1});
  CHECK(page.count == 6);
  CHECK(names(page.rows) == "bob eve joe max");
  CHECK(page.rows.front().properties == table_persons()[1].person.properties);
  CHECK(page.rows.front().created_at == stage.now);
  CHECK(names(audience.persons({.distinct_id = "joe"}, {}).rows) == "joe");
  CHECK(names(audience.persons({.id = id_of<PersonId>(3)}, {}).rows) == "eve");
  CHECK(audience.persons({.project_id = 2}, {}).count == 0);
}

void replace(store::Store& store) {
  Stage stage(store);
  auto& audience = *stage.audience;
  const auto before = stage.now;
  audience.put_persons(table_persons(), AuditEntry{}, before);
  stage.now += 5s;
  auto again = person_of(77, R"({"distinct_id":"ann","properties":{"age":99}})");
  auto twice = person_of(78, R"({"distinct_id":"new","properties":{"age":1}})");
  auto last = person_of(79, R"({"distinct_id":"new","properties":{"age":99}})");
  CHECK(audience.put_persons({again, twice, last}, AuditEntry{}, stage.now) == PersonsPut{1, 1});
  const auto ann = audience.persons({.distinct_id = "ann"}, {}).rows.at(0);
  CHECK(ann.id == id_of<PersonId>(1));
  CHECK(ann.properties == R"({"age":99})");
  CHECK(ann.created_at == before);
  CHECK(ann.updated_at == stage.now);
  CHECK(audience.size(1, filter_of(R"([{"key":"age","value":99}])")) == AudienceSize{2, 7});
  CHECK(audience.size(1, filter_of(R"([{"key":"email","operator":"icontains","value":"ann"}])")) ==
        AudienceSize{0, 7});
  CHECK(audience.size(1, filter_of(R"([{"key":"age","value":1}])"))->affected == 0);
}

void keep(store::Store& store) {
  Stage stage(store);
  auto& audience = *stage.audience;
  audience.put_persons(table_persons(), AuditEntry{}, stage.now);
  stage.now += 5s;
  const auto ann = person_of(77, R"({"distinct_id":"ann"})");
  const auto given = person_of(78, R"({"distinct_id":"new","properties":{"age":99}})");
  const auto again = person_of(79, R"({"distinct_id":"new"})");
  const auto bob = person_of(80, R"({"distinct_id":"bob","properties":{}})");
  CHECK(ann.keep);
  CHECK_FALSE(bob.keep);
  CHECK(audience.put_persons({ann, given, again, bob}, AuditEntry{}, stage.now) ==
        PersonsPut{1, 2});
  const auto kept = audience.persons({.distinct_id = "ann"}, {}).rows.at(0);
  CHECK(kept.id == id_of<PersonId>(1));
  CHECK(kept.properties == table_persons()[0].person.properties);
  CHECK(kept.updated_at == stage.now);
  CHECK(audience.persons({.distinct_id = "bob"}, {}).rows.at(0).properties == "{}");
  CHECK(audience.size(1, filter_of(R"([{"key":"email","operator":"icontains","value":"ann"}])")) ==
        AudienceSize{1, 7});
  CHECK(audience.size(1, filter_of(R"([{"key":"email","operator":"icontains","value":"bob"}])")) ==
        AudienceSize{0, 7});
  CHECK(audience.size(1, filter_of(R"([{"key":"age","value":99}])")) == AudienceSize{1, 7});
}

void projects_are_apart(store::Store& store) {
  Stage stage(store);
  auto here = person_of(1, R"({"distinct_id":"same","properties":{"x":1}})");
  auto there = person_of(2, R"({"distinct_id":"same","properties":{"x":2}})");
  there.person.project_id = 2;
  CHECK(stage.audience->put_persons({here, there}, AuditEntry{}, stage.now) == PersonsPut{2, 0});
  CHECK(stage.audience->size(1, filter_of(R"([{"key":"x","value":2}])")) == AudienceSize{0, 1});
  CHECK(stage.audience->size(2, filter_of(R"([{"key":"x","value":2}])")) == AudienceSize{1, 1});
}

void refused(store::Store& store) {
  Stage stage(store);
  auto bad = person_of(1, R"({"distinct_id":"a","properties":{"x":1}})");
  const auto good = person_of(2, R"({"distinct_id":"b"})");
  bad.person.distinct_id = "\xff";
  CHECK_THROWS_AS(stage.audience->put_persons({good, bad}, AuditEntry{}, stage.now), StoreError);
  bad.person.distinct_id = "a";
  bad.values.push_back(bad.values.front());
  CHECK_THROWS_AS(stage.audience->put_persons({good, bad}, AuditEntry{}, stage.now), StoreError);
  CHECK(stage.audience->persons({}, {}).count == 0);
}

// The persons that match, by counting and by spreading a job page by page.
void filters(store::Store& store) {
  Stage stage(store);
  stage.audience->put_persons(table_persons(), AuditEntry{}, stage.now);
  int n = 1'000;
  for (const auto& row : filter_table()) {
    INFO(row.properties);
    const auto filter = filter_of(row.properties);
    const PersonMatcher matcher(filter);
    std::string matched;
    std::size_t count = 0;
    for (const auto& put : table_persons()) {
      if (!matcher.matches(put.values)) continue;
      ++count;
      matched += (matched.empty() ? "" : " ") + put.person.distinct_id;
    }
    CHECK(matched == row.expected);
    CHECK(stage.audience->size(1, filter) == AudienceSize{count, 6});
    const auto job = stage.order_job(n++);
    const auto run = stage.claim();
    REQUIRE(stage.audience->open_job(stage.claim_of(run), stage.now));
    int pages = 0;
    while (stage.page(run, 2, 1'000, filter, 3).kind == FannedOut::Kind::more)
      REQUIRE(++pages < 10);
    CHECK(stage.children(job) == row.expected);
    stage.finish_all();
  }
  CHECK(n > 1'060);
}

// Half a thousand of them were a filter that SQLite could not run, whatever it was asked for.
void many_values(store::Store& store) {
  Stage stage(store);
  stage.audience->put_persons(table_persons(), AuditEntry{}, stage.now);
  std::string values;
  for (int i = 0; i < 4'999; ++i) values += "\"none" + std::to_string(i) + "\",";
  const std::string condition = R"({"key":"email","value":[)" + values + R"("bob@"],"operator":")";
  CHECK(stage.audience->size(1, filter_of("[" + condition + "icontains\"}]")) ==
        AudienceSize{1, 6});
  CHECK(stage.audience->size(1, filter_of("[" + condition + "not_icontains\"}]")) ==
        AudienceSize{5, 6});
  CHECK(stage.audience->size(1, filter_of("[" + condition + "exact\"}]")) == AudienceSize{0, 6});
}

// They were counted in one statement, however long it took.
void leaves_off_counting(store::Store& store) {
  Stage stage(store);
  std::vector<PersonPut> persons;
  const std::string text(60'000, 'b');
  for (int i = 1; i <= 5; ++i)
    persons.push_back(person_of(i, R"({"distinct_id":"p)" + std::to_string(i) +
                                       R"(","properties":{"t":")" + text + R"("}})"));
  stage.audience->put_persons(persons, AuditEntry{}, stage.now);
  std::string needles;
  for (int i = 0; i < 1'500; ++i) needles += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\"";
  const auto filter =
      filter_of(R"([{"key":"t","operator":"icontains","value":[)" + needles + "]}]");
  int asked = 0;
  const auto count = [&](int until) {
    asked = 0;
    return stage.audience->size(1, filter, [&asked, until] { return ++asked < until; });
  };
  CHECK(count(100) == AudienceSize{0, 5});
  CHECK(asked == 4);
  CHECK_FALSE(count(2));
  CHECK(asked == 2);
}

}  // namespace

std::vector<AudienceCheck> person_checks() {
  return {{"persons are put and read in pages", put_and_read},
          {"a person that is there keeps its id, and its properties are replaced", replace},
          {"a person that is put without properties keeps its own", keep},
          {"projects have persons of their own", projects_are_apart},
          {"a person that cannot be stored stops the whole batch", refused},
          {"every filter finds the same persons", filters},
          {"a filter may have all the values that are allowed", many_values},
          {"a count ends between two persons when there is no time", leaves_off_counting}};
}

}  // namespace rruled::test
