#include "daemon/cli/preview.h"
#include "daemon/core/json_text.h"
#include "daemon/core/run_identity.h"

#include <boost/json/value.hpp>

#include <istream>
#include <limits>
#include <ostream>
#include <vector>

namespace rruled::cli {
namespace {

namespace json = boost::json;

// Holds a rule of 64 KiB however its characters are escaped.
constexpr std::size_t kLineBytesMax = std::size_t{1} << 20U;

json::object error_object(const core::FieldError& error) {
  return {{"field", error.attr},
          {"code", error.code},
          {"offset", error.offset ? json::value(*error.offset) : json::value(nullptr)},
          {"detail", error.hint.empty() ? error.detail : error.detail + " " + error.hint}};
}

core::FieldError of_rule(const core::Timetable::Error& error) {
  return {std::string(error.field),
          to_string(error.error.code),
          error.error.detail,
          {},
          error.error.offset};
}

core::FieldResult<json::object> answer(const json::object& question,
                                       const rrule::ZoneDatabase& zones) {
  const auto request = core::preview_from_json(question, zones);
  if (!request) return request.error();
  const auto timetable = core::Timetable::compile(request->schedule, zones);
  if (!timetable) return of_rule(timetable.error());
  const auto preview = core::preview(*timetable, request->window);
  if (preview.cut_short) return core::FieldError{"rrule", "unsupported", std::string(kGaveUp)};
  json::array occurrences;
  occurrences.reserve(preview.items.size());
  for (const auto& each : preview.items)
    occurrences.emplace_back(core::rfc3339(each.occurrence.instant));
  return json::object{{"occurrences", std::move(occurrences)}, {"ended", preview.ended}};
}

json::object answer_line(std::string_view line, const rrule::ZoneDatabase& zones) {
  const auto value = core::parse_json(line);
  if (!value)
    return {{"id", nullptr},
            {"error", error_object({"line",
                                    "parse_error",
                                    "Not JSON: " + value.error().detail,
                                    {},
                                    value.error().offset})}};
  const auto* question = value->if_object();
  if (!question)
    return {{"id", nullptr},
            {"error", error_object({"line", "invalid_input", "A line must hold one object."})}};
  const auto* id = question->if_contains("id");
  json::object reply{{"id", id ? *id : json::value(nullptr)}};
  auto answered = answer(*question, zones);
  if (answered) {
    for (auto& [key, each] : *answered) reply[key] = std::move(each);
  } else {
    reply["error"] = error_object(answered.error());
  }
  return reply;
}

}  // namespace

void preview_batch(std::istream& in, std::ostream& out, const rrule::ZoneDatabase& zones) {
  std::vector<char> buffer(kLineBytesMax + 1);
  while (in.getline(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         (in.gcount() > 0 && !in.bad())) {
    if (in.fail()) {
      in.clear(in.rdstate() & ~std::ios::failbit);
      in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
      const core::FieldError error{
          "line", "too_long",
          "A line has at most " + std::to_string(kLineBytesMax - 1) + " bytes."};
      out << core::json_text(json::object{{"id", nullptr}, {"error", error_object(error)}}) << '\n';
    } else {
      std::string_view line(buffer.data());
      line = std::string_view(buffer.data(),
                              static_cast<std::size_t>(in.gcount()) - (in.eof() ? 0U : 1U));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      out << core::json_text(answer_line(line, zones)) << '\n';
    }
    out.flush();
  }
}

}  // namespace rruled::cli
