#include "daemon/api/call.h"

#include "daemon/api/content.h"
#include "daemon/core/property_filter.h"
#include "daemon/core/time_text.h"
#include "daemon/io/api_token.h"
#include "daemon/io/audit_write.h"
#include "daemon/io/calendar_finder.h"
#include "store/conflicts.h"

#include <algorithm>
#include <charconv>

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr int kTries = 5;
constexpr std::size_t kKeyBytesMax = 255;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

std::string encoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out.append({'%', kDigits[byte >> 4U], kDigits[byte & 0xfU]});
  }
  return out;
}

bool names(std::string_view etags, std::string_view etag) {
  return std::ranges::any_of(list_elements(etags),
                             [&](auto each) { return each == "*" || each == etag; });
}

// Whether it is a weak one does not matter (RFC 9110, 13.1.2).
bool names_weakly(std::string_view etags, std::string_view etag) {
  return std::ranges::any_of(list_elements(etags), [&](std::string_view each) {
    if (each.starts_with("W/")) each.remove_prefix(2);
    return each == "*" || each == etag;
  });
}

[[noreturn]] void refuse_conflict(const store::Conflict& conflict) {
  using Kind = store::Conflict::Kind;
  if (store::may_pass(conflict))
    throw Refused{
        problem(409, "It is being changed by somebody else; nothing was written: try again.")};
  if (conflict.kind == Kind::exists)
    throw Refused{problem(409, "It exists already; nothing was written.")};
  if (conflict.kind == Kind::in_use)
    throw Refused{problem(409, "Schedules name it now; nothing was written.")};
  if (conflict.calendar)
    refuse("calendar", "There is no calendar \"" + conflict.calendar->name + "\".");
  throw Refused{not_found()};
}

}  // namespace

void refuse(std::string attr, std::string detail, std::string code) {
  throw Refused{invalid({std::move(attr), std::move(code), std::move(detail)})};
}

store::Audience& Call::audience() const {
  if (!backend->audience) backend->audience = backend->store->audience();
  return *backend->audience;
}

std::string_view Call::argument(std::string_view name) const {
  for (const auto& [key, value] : arguments)
    if (key == name) return value;
  return {};
}

std::optional<std::int64_t> parse_project(std::string_view text) {
  const auto number = parse_number<std::int64_t>(text);
  return number && *number > 0 && text.front() != '0' ? number : std::nullopt;
}

std::int64_t Call::project() const { return parse_project(argument("project_id")).value_or(0); }

const std::string* Call::parameter(std::string_view name) const {
  const auto found = std::find_if(query.rbegin(), query.rend(),
                                  [&](const auto& each) { return each.first == name; });
  return found == query.rend() || found->second.empty() ? nullptr : &found->second;
}

json::object body_object(const Call& call, const FormShape& form) {
  const Request& request = call.request;
  if (request.body.empty()) return {};
  if (body_kind(request) == BodyKind::json_lines)
    throw Refused{problem(415, "Only persons/ takes a body of JSON lines.")};
  if (body_kind(request) == BodyKind::form) {
    auto object = form_object(request.body, form);
    if (!object) throw Refused{problem(400, "Form parse error - " + object.error().detail + ".")};
    return std::move(*object);
  }
  auto value = core::parse_json(request.body);
  if (!value) {
    const auto& error = value.error();
    throw Refused{problem(400, "JSON parse error - " + error.detail + " (line " +
                                   std::to_string(error.line) + ", column " +
                                   std::to_string(error.column) + ").")};
  }
  if (!value->is_object()) refuse("", "Invalid data. Expected a JSON object.");
  return std::move(value->get_object());
}

void warn_unknown(Call& call, const std::vector<std::string>& keys) {
  constexpr std::size_t kNamedMax = 10;
  if (keys.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < std::min(keys.size(), kNamedMax); ++i) {
    std::string name;
    for (const char c : keys[i].substr(0, 64))
      if (c > 0x20 && c < 0x7f && c != '"' && c != '\\') name += c;
    names += (names.empty() ? "" : ", ") + name;
  }
  if (keys.size() > kNamedMax) names += ", ..";
  call.headers.push_back({"Warning", "299 rruled \"ignored unknown fields: " + names + "\""});
}

Response json_response(const json::value& value, int status) {
  return {.status = status, .body = core::json_text(value)};
}

std::optional<store::Timestamp> time_parameter(const Call& call, std::string_view name) {
  const std::string* text = call.parameter(name);
  if (text == nullptr) return std::nullopt;
  if (text->starts_with('-')) {
    if (const auto ago = core::relative_time(*text, call.now)) return ago;
  } else if (const auto time = core::parse_time(*text)) {
    return core::instant_of(*time, *rrule::TimeZone::utc());
  }
  refuse(std::string(name),
         "Must be a time such as 2026-01-31T09:00:00Z, or so long ago: -24h, -7d, -2w,"
         " -1m (a month), -1y.");
}

void refuse_words(std::string name, std::span<const std::string_view> words) {
  std::string all;
  for (const auto& each : words) all += (all.empty() ? "" : ", ") + std::string(each);
  refuse(std::move(name), "Not one of " + all + ".");
}

std::size_t size_parameter(const Call& call, std::string_view name, const SizeRange& range) {
  const std::string* text = call.parameter(name);
  if (text == nullptr) return range.fallback;
  const auto number = parse_number<std::size_t>(*text);
  if (!number) refuse(std::string(name), "A valid integer is required.");
  if (!range.is_cut && (*number < range.min || *number > range.max))
    refuse(std::string(name), "Must be between " + std::to_string(range.min) + " and " +
                                  std::to_string(range.max) + ".");
  if (*number < range.min)
    refuse(std::string(name), "Must be at least " + std::to_string(range.min) + ".");
  return range.max == 0 ? *number : std::min(*number, range.max);
}

store::PageRange page_range(const Call& call, const SizeRange& limit) {
  return {size_parameter(call, "limit", limit), size_parameter(call, "offset", kOffset)};
}

std::string url_with(const Call& call, const FormFields& changed) {
  const std::string* host = call.request.header("Host");
  std::string url = (call.request.secure ? "https://" : "http://") +
                    (host == nullptr ? std::string("localhost") : *host) + call.request.path;
  char mark = '?';
  const auto add = [&](const std::string& key, const std::string& value) {
    url += mark + encoded(key) + "=" + encoded(value);
    mark = '&';
  };
  for (const auto& [key, value] : call.query) {
    const bool other = std::any_of(changed.begin(), changed.end(),
                                   [&](const auto& each) { return each.first == key; });
    if (!other) add(key, value);
  }
  for (const auto& [key, value] : changed) add(key, value);
  return url;
}

Response page_response(const Call& call,
                       PageRows results,
                       std::size_t count,
                       store::PageRange range) {
  const auto at = [&](std::size_t offset) {
    return url_with(call,
                    {{"limit", std::to_string(range.limit)}, {"offset", std::to_string(offset)}});
  };
  json::object page{{"count", count}, {"next", nullptr}, {"previous", nullptr}};
  const std::size_t end = range.offset + results.size();
  if (results.size() > 0 && end < count) page["next"] = at(end);
  if (range.limit > 0 && range.offset > 0)
    page["previous"] = at(range.offset - std::min(range.offset, range.limit));
  return {.body = results.page(std::move(page))};
}

std::size_t cursor_limit(const Call& call) { return size_parameter(call, "limit", kCursorLimit); }

std::optional<store::Timestamp> cursor_time(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return store::Timestamp(store::milliseconds(value));
}

void refuse_cursor() { refuse("cursor", "Not a cursor: take it from `next`."); }

Response cursor_page(const Call& call, PageRows results, const std::optional<std::string>& cursor) {
  json::object page{{"count", nullptr}, {"next", nullptr}, {"previous", nullptr}};
  if (cursor) page["next"] = url_with(call, {{"cursor", *cursor}});
  return {.body = results.page(std::move(page))};
}

std::string etag(std::int64_t revision) { return "\"" + std::to_string(revision) + "\""; }

void check_conditions(const Call& call, const std::string& etag) {
  const std::string* wanted = call.request.header("If-Match");
  if (wanted != nullptr && !names(*wanted, etag))
    throw Refused{problem(412, "It was changed meanwhile: its ETag is " + etag + " now.")};
  const std::string* unwanted = call.request.header("If-None-Match");
  if (unwanted != nullptr && names_weakly(*unwanted, etag))
    throw Refused{problem(412, "It is there: its ETag is " + etag + ".")};
}

Response unless_known(const Call& call, Response response) {
  const std::string* known = call.request.header("If-None-Match");
  const std::string* etag = find_header(response.headers, "ETag");
  if (known == nullptr || etag == nullptr || !names_weakly(*known, *etag)) return response;
  Response unchanged{.status = 304, .headers = std::move(response.headers)};
  unchanged.headers.push_back({"Vary", "Accept-Encoding"});
  return unchanged;
}

store::Flow flow_of(const Call& call) {
  const auto id = store::parse_id<store::FlowId>(call.argument("id"));
  auto flow = id ? call.store().flow(*id) : std::nullopt;
  if (!flow || flow->project_id != call.project()) throw Refused{not_found()};
  return std::move(*flow);
}

store::Schedule schedule_of(const Call& call, const store::Flow& flow) {
  const auto id = store::parse_id<store::ScheduleId>(call.argument("sid"));
  auto schedule = id ? call.store().schedule(*id) : std::nullopt;
  if (!schedule || schedule->flow_id != flow.id) throw Refused{not_found()};
  return std::move(*schedule);
}

core::ScheduleRules rules_of(const Call& call) {
  core::ScheduleRules rules = call.context.rules;
  if (call.context.min_interval) rules.min_interval = call.context.min_interval();
  rules.calendars = io::calendar_finder(call.directory(), rules.zones);
  return rules;
}

void write_changes(const Call& call, const std::function<store::ChangeSet()>& build) {
  write_by([&] { return io::write_with_audit(build(), call.store(), call.grant.who, call.now); });
}

void write_by(const std::function<std::optional<store::Conflict>()>& attempt) {
  for (int left = kTries; left > 0; --left) {
    const auto conflict = attempt();
    if (!conflict) return;
    // What exists may be by the same request, which came twice at one time: `attempt` finds it
    // then.
    const bool again =
        store::may_pass(*conflict) || conflict->kind == store::Conflict::Kind::exists;
    if (!again || left == 1) refuse_conflict(*conflict);
  }
}

Made made_by(const Call& call, const boost::uuids::uuid& parent) {
  const std::string* key = call.request.header("Idempotency-Key");
  if (key == nullptr) return {store::random_uuid_v7(call.now), false};
  const bool plain =
      std::all_of(key->begin(), key->end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (key->empty() || key->size() > kKeyBytesMax || !plain)
    refuse("", "An Idempotency-Key has 1 to 255 printable ASCII characters.");
  return {store::uuid_v5(parent, std::string(call.route.pattern) + "\n" + *key), true};
}

void remember(const Call& call, const Made& made, const json::object& body) {
  if (!made.by_key) return;
  const auto digest = [&](core::Numbers numbers) {
    return io::sha256_hex(core::json_text(core::canonical_json(body, numbers)));
  };
  const std::string wanted = digest(core::Numbers::by_value);
  const std::string kept = call.directory().remember_request(made.id, wanted);
  // Earlier versions kept that of the numbers as they were written.
  if (kept != wanted && kept != digest(core::Numbers::as_written))
    throw Refused{problem(422, "This Idempotency-Key was used with another body.")};
}

}  // namespace rruled::api
