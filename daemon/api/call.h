#pragma once

#include "daemon/api/access.h"
#include "daemon/api/backend.h"
#include "daemon/api/form.h"
#include "daemon/api/message.h"
#include "daemon/api/page_rows.h"
#include "daemon/api/problem.h"
#include "daemon/api/router.h"
#include "daemon/core/run_json.h"
#include "daemon/core/schedule_json.h"
#include "daemon/io/companion.h"

#include <boost/json/object.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rruled::api {

// What all requests have in common. Constant after construction; used from every thread.
struct ApiContext {
  core::ScheduleRules rules;
  std::function<std::vector<io::HealthCheck>()> health;  // none: it is well
  std::function<std::string()> metrics;                  // for Prometheus
  std::span<const Route> routes;
  std::string version;
  std::function<std::chrono::seconds()> min_interval{};  // none: that of the rules
  std::size_t page_bytes_max = 8 * 1024 * 1024;          // of JSON that the rows of a page have
  // Of the routes, as JSON: made when it is first asked for, as strangers may ask again and again.
  mutable std::once_flag described{};
  mutable std::string description{};
};

// One request with what its handler needs.
struct Call {
  const ApiContext& context;
  const Request& request;
  const Route& route;
  const PathArguments& arguments;
  const FormFields& query;
  const Grant& grant;
  store::Timestamp now;
  Backend* backend = nullptr;  // null for routes of scope open
  Headers headers{};           // that the response shall have

  [[nodiscard]] store::Store& store() const { return *backend->store; }
  [[nodiscard]] store::Directory& directory() const { return *backend->directory; }
  [[nodiscard]] store::Audience& audience() const;
  // Empty when the pattern has no such argument.
  [[nodiscard]] std::string_view argument(std::string_view name) const;
  [[nodiscard]] std::int64_t project() const;
  // The last one of that name; null: none, or it is empty.
  [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

// Thrown by what a handler asks for; the response is the answer.
struct Refused {
  Response response;
};
[[noreturn]] void refuse(std::string attr, std::string detail, std::string code = "invalid_input");

// The project of a path: a positive number without leading zeros, so that a project has one
// address. nullopt: it is none, so nothing is there.
[[nodiscard]] std::optional<std::int64_t> parse_project(std::string_view text);

// ---- Bodies ----

// The object in the body, JSON or form; an empty body is an empty object. Refuses others.
[[nodiscard]] boost::json::object body_object(const Call& call, const FormShape& form = {});
// Names what was not read, so that a typo shows.
void warn_unknown(Call& call, const std::vector<std::string>& keys);
[[nodiscard]] Response json_response(const boost::json::value& value, int status = 200);

// ---- Parameters ----

// ISO 8601, UTC without an offset; or so long before now, as in filters: "-7d".
[[nodiscard]] std::optional<store::Timestamp> time_parameter(const Call& call,
                                                             std::string_view name);
[[nodiscard]] std::size_t size_parameter(const Call& call,
                                         std::string_view name,
                                         const SizeRange& range);
// An id that is not a UUID finds nothing, so it is refused.
template <class AnyId>
[[nodiscard]] std::optional<AnyId> id_parameter(const Call& call, std::string_view name) {
  const std::string* text = call.parameter(name);
  if (text == nullptr) return std::nullopt;
  auto id = store::parse_id<AnyId>(*text);
  if (!id) refuse(std::string(name), "Not a valid UUID.");
  return id;
}
// "Not one of hour, day, week."
[[noreturn]] void refuse_words(std::string name, std::span<const std::string_view> words);
template <class Enum>
[[nodiscard]] std::optional<Enum> word_parameter(const Call& call, std::string_view name) {
  const std::string* text = call.parameter(name);
  if (text == nullptr) return std::nullopt;
  const auto value = store::parse_word<Enum>(*text);
  if (!value) refuse_words(std::string(name), store::kWords<Enum>);
  return value;
}

// ---- Pages ----

[[nodiscard]] store::PageRange page_range(const Call& call, const SizeRange& limit = kPageLimit);
// `limit` of a page that is read by cursor.
[[nodiscard]] std::size_t cursor_limit(const Call& call);
// A cursor is numbers and ids with dots between them; absent: the text is no time.
[[nodiscard]] std::optional<store::Timestamp> cursor_time(std::string_view text);
[[noreturn]] void refuse_cursor();
// A page of which it is not known how many there are; `cursor` is where the next one begins.
[[nodiscard]] Response cursor_page(const Call& call,
                                   PageRows results,
                                   const std::optional<std::string>& cursor);
// {"count","next","previous","results"}: `results` begin at range.offset of `count` rows. There may
// be fewer than range.limit: the next page begins behind the last of them.
[[nodiscard]] Response page_response(const Call& call,
                                     PageRows results,
                                     std::size_t count,
                                     store::PageRange range);
// The same of what is too long to be counted: the first `limit` (at least 1) of `rows` that fit, as
// core::to_json() has them. One row more says that there is a next page, which begins after
// `text_of` the last one shown.
template <class Row, class TextOf>
[[nodiscard]] Response cursor_page(const Call& call,
                                   const std::vector<Row>& rows,
                                   std::size_t limit,
                                   TextOf text_of) {
  PageRows results(call.context.page_bytes_max);
  for (const auto& row : rows | std::views::take(limit)) {
    if (results.is_full()) break;
    results.add(core::to_json(row));
  }
  std::optional<std::string> next;
  if (rows.size() > results.size()) next = text_of(rows[results.size() - 1]);
  return cursor_page(call, std::move(results), next);
}
// Gives `rows` to add(std::vector<Row>), at most `step` of them at a time, until the page is full:
// for what is read beside them.
template <class Row, class Add>
void add_in_parts(std::vector<Row> rows, std::size_t step, const PageRows& results, Add add) {
  for (std::size_t from = 0; from < rows.size() && !results.is_full(); from += step) {
    const auto part = std::span(rows).subspan(from, std::min(step, rows.size() - from));
    add(std::vector<Row>(std::make_move_iterator(part.begin()),
                         std::make_move_iterator(part.end())));
  }
}
// The request's own URL with other values for some parameters.
[[nodiscard]] std::string url_with(const Call& call, const FormFields& changed);

// ---- Preconditions ----

[[nodiscard]] std::string etag(std::int64_t revision);
// Of a write to what is there: 412 unless If-Match is absent, "*", or names it, and If-None-Match
// is absent or names neither "*" nor it.
void check_conditions(const Call& call, const std::string& etag);
// 304 in the place of `response` to a GET whose If-None-Match names its ETag.
[[nodiscard]] Response unless_known(const Call& call, Response response);

// ---- Rows ----

// 404 when there is none in the path's project.
[[nodiscard]] store::Flow flow_of(const Call& call);
[[nodiscard]] store::Schedule schedule_of(const Call& call, const store::Flow& flow);

// context.rules, with the calendars of the store.
[[nodiscard]] core::ScheduleRules rules_of(const Call& call);

// Builds changes from what the store holds and writes them; builds them anew when somebody else
// wrote in between. The audit log has a line for each object. Nothing to change writes nothing.
// Refuses 404 for what is gone, 409 for what is in use, still exists or is being changed all the
// time.
void write_changes(const Call& call, const std::function<store::ChangeSet()>& build);
// The same for a write of its own kind: `attempt` gives the conflict because of which it wrote
// nothing.
void write_by(const std::function<std::optional<store::Conflict>()>& attempt);

// ---- Idempotency keys ----

// The id of what a POST makes: by the caller's key, or a new one. 400 for a key that is none.
struct Made {
  boost::uuids::uuid id{};
  bool by_key = false;
};
[[nodiscard]] Made made_by(const Call& call, const boost::uuids::uuid& parent);
// Before it is written, once it is known to be valid. 422 when the key came with another body.
void remember(const Call& call, const Made& made, const boost::json::object& body);
inline constexpr std::string_view kReplayed = "Idempotency-Replayed";
inline void say_replayed(Call& call) { call.headers.push_back({std::string(kReplayed), "true"}); }

}  // namespace rruled::api
