#include "daemon/core/remote_job.h"

#include "daemon/core/json_text.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;

constexpr std::size_t kIdMax = 200;

bool fits_path(std::string_view id) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !id.empty() && id.size() <= kIdMax && id.find_first_not_of('.') != std::string::npos &&
         std::ranges::all_of(id, plain);
}

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (const auto* text = value->if_string()) return std::string(*text);
  return value->is_number() ? json_text(*value) : std::string();
}

RemoteState state_of(std::string_view word) {
  if (word == "completed") return RemoteState::completed;
  if (word == "failed") return RemoteState::failed;
  if (word == "cancelled" || word == "canceled") return RemoteState::cancelled;
  return RemoteState::live;
}

std::optional<RemoteJob> job_of(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  RemoteJob job{.id = text_of(*object, "id"), .error = text_of(*object, "error")};
  if (!fits_path(job.id)) return std::nullopt;
  job.state = state_of(text_of(*object, "status"));
  return job;
}

// Of an address of the other side only what is asked counts: it cannot send us elsewhere.
std::string query_of(std::string_view address) {
  const auto begin = address.find('?');
  if (begin == std::string_view::npos) return {};
  const auto query = address.substr(begin, address.find('#') - begin);
  const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
  return std::ranges::all_of(query, printable) ? std::string(query) : std::string();
}

}  // namespace

std::optional<RemoteJob> read_remote_job(std::string_view body) {
  const auto value = parse_json(body, LongIntegers::rounded);
  return value ? job_of(*value) : std::nullopt;
}

std::optional<RemotePage> read_remote_page(std::string_view body) {
  const auto value = parse_json(body, LongIntegers::rounded);
  if (!value) return std::nullopt;
  RemotePage page;
  const json::array* rows = value->if_array();
  if (const auto* object = value->if_object()) {
    const auto* results = object->if_contains("results");
    rows = results == nullptr ? nullptr : results->if_array();
    page.next_query = query_of(text_of(*object, "next"));
  }
  if (rows == nullptr) return std::nullopt;
  for (const auto& row : *rows)
    if (auto job = job_of(row)) page.jobs.push_back(std::move(*job));
  return page;
}

}  // namespace rruled::core
