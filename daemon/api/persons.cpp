#include "daemon/api/content.h"
#include "daemon/api/routes.h"
#include "daemon/core/audit.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/person_json.h"

#include <array>
#include <set>

// The persons of a project: put one by one or in bulk, and read.
namespace rruled::api {
namespace {

namespace json = boost::json;

store::PersonPut person_of(const Call& call, const json::object& object, std::string_view parent) {
  auto put = core::person_from_json(object, call.project(),
                                    store::PersonId{store::random_uuid_v7(call.now)}, parent);
  if (!put) throw Refused{invalid(put.error())};
  return std::move(*put);
}

std::vector<std::string> unknown_keys(const json::object& person) {
  constexpr std::array<std::string_view, 5> kKeys{"distinct_id", "properties", "id", "created_at",
                                                  "updated_at"};
  return core::FieldReader::unknown_keys(person, kKeys);
}

// What the audit log keeps of it: properties of persons are not its business.
store::AuditEntry line_of(const Call& call, const std::vector<store::PersonPut>& persons) {
  const json::object after{{"persons", persons.size()}};
  const std::string id =
      persons.size() == 1 ? persons.front().person.distinct_id : std::string("several");
  return core::audit_line(call.now, call.grant.who, "put", {call.project(), "person", id}, nullptr,
                          &after);
}

// One JSON object a line; empty lines are skipped. An error names the line, counted from 0.
std::vector<store::PersonPut> persons_in_lines(Call& call) {
  std::vector<store::PersonPut> persons;
  std::set<std::string> unknown;
  std::string_view rest = call.request.body;
  for (std::size_t line = 0; !rest.empty(); ++line) {
    const auto end = std::min(rest.find('\n'), rest.size());
    auto text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty()) continue;
    const std::string path = std::to_string(line);
    const auto value = core::parse_json(text);
    if (!value)
      throw Refused{problem(400, "JSON parse error - " + value.error().detail + " (line " +
                                     std::to_string(line + 1) + ", column " +
                                     std::to_string(value.error().column) + ").")};
    if (!value->is_object()) refuse(path, "Invalid data. Expected a JSON object.");
    persons.push_back(person_of(call, value->get_object(), path));
    for (auto& key : unknown_keys(value->get_object())) unknown.insert(std::move(key));
  }
  warn_unknown(call, {unknown.begin(), unknown.end()});
  return persons;
}

Response put_in_bulk(Call& call) {
  const auto persons = persons_in_lines(call);
  if (persons.empty()) refuse("", "Expected a JSON object on each line.");
  const auto put = call.audience().put_persons(persons, line_of(call, persons), call.now);
  Response response =
      json_response(json::object{{"created", put.created}, {"updated", put.updated}});
  response.headers = call.headers;
  return response;
}

}  // namespace

Response list_persons(Call& call) {
  store::PersonQuery query{.project_id = call.project()};
  if (const auto* name = call.parameter("distinct_id")) query.distinct_id = *name;
  const auto range = page_range(call);
  const auto page = call.audience().persons(query, range);
  PageRows results(call.context.page_bytes_max);
  for (const auto& person : page.rows)
    if (!results.is_full()) results.add(core::to_json(person));
  return page_response(call, std::move(results), page.count, range);
}

Response put_persons(Call& call) {
  if (body_kind(call.request) == BodyKind::json_lines) return put_in_bulk(call);
  static constexpr std::array<std::string_view, 1> kTexts{"distinct_id"};
  const auto body = body_object(call, {.texts = kTexts});
  warn_unknown(call, unknown_keys(body));
  const std::vector persons{person_of(call, body, "")};
  const auto put = call.audience().put_persons(persons, line_of(call, persons), call.now);
  const store::PersonQuery query{.project_id = call.project(),
                                 .distinct_id = persons.front().person.distinct_id};
  const auto stored = call.audience().persons(query, {.limit = 1});
  if (stored.rows.empty()) throw Refused{not_found()};
  Response response =
      json_response(core::to_json(stored.rows.front()), put.created == 1 ? 201 : 200);
  response.headers = call.headers;
  return response;
}

}  // namespace rruled::api
