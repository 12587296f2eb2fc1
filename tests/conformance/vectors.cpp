#include "vectors.h"

#include "rrule/occurrence.h"
#include "rrule/parse.h"
#include "rrule/zone_database.h"

#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace rruled::rrule::vectors {
namespace {

std::optional<std::ifstream> open(const std::string& file) {
  const std::string path = std::string(RRULED_CONFORMANCE_DIR) + "/" + file;
  std::ifstream in(path);
  if (in) return in;
  std::cout << "SKIPPED: " << path << " is not there; tests/data/rfc5545.cases is tested alone\n";
  return std::nullopt;
}

template <class Time>
Time parse(const std::string& text, const char* format) {
  std::istringstream in(text);
  Time time;
  in >> date::parse(format, time);
  if (!in) throw std::runtime_error("not a time: " + text);
  return time;
}

}  // namespace

std::vector<boost::json::object> lines(const std::string& file) {
  std::vector<boost::json::object> objects;
  if (auto in = open(file)) {
    for (std::string line; std::getline(*in, line);) {
      if (!line.empty()) objects.push_back(boost::json::parse(line).as_object());
    }
  }
  return objects;
}

std::optional<boost::json::object> whole(const std::string& file) {
  auto in = open(file);
  if (!in) return std::nullopt;
  std::stringstream text;
  text << in->rdbuf();
  return boost::json::parse(text.str()).as_object();
}

std::string text(const boost::json::object& object, const char* key) {
  return std::string(object.at(key).as_string());
}

std::vector<std::string> texts(const boost::json::value& list) {
  std::vector<std::string> items;
  for (const auto& item : list.as_array()) items.emplace_back(item.as_string());
  return items;
}

local_seconds local(const std::string& text) { return parse<local_seconds>(text, "%FT%T"); }
sys_seconds instant(const std::string& text) {
  const auto fraction = text.find('.');
  return fraction == std::string::npos ? parse<sys_seconds>(text, "%FT%TZ")
                                       : parse<sys_seconds>(text.substr(0, fraction), "%FT%T");
}
std::string print(local_seconds local) { return date::format("%FT%T", local); }
std::string print(sys_seconds instant) { return date::format("%FT%TZ", instant); }

std::shared_ptr<const TimeZone> zone(const std::string& name) {
  static const ZoneDatabase database(RRULED_SOURCE_DIR "/tests/data/zoneinfo-2025b");
  return database.find(name).value();
}

Result<Recurrence> compile(const boost::json::object& vector,
                           const std::string& rule,
                           DstPolicy policy) {
  const auto in = zone(text(vector, "timezone"));
  return Recurrence::compile(rule, start_instant(local(text(vector, "dtstart_local")), *in), in,
                             policy);
}

std::vector<std::string> instants(const Recurrence& recurrence,
                                  sys_seconds after,
                                  std::size_t limit) {
  std::vector<std::string> found;
  for (auto next = recurrence.next(after); next && found.size() < limit;
       next = recurrence.next(next->instant)) {
    found.push_back(print(next->instant));
  }
  return found;
}

std::vector<std::string> instants(const Recurrence& recurrence, std::size_t limit) {
  return instants(recurrence, recurrence.starts_at() - seconds{1}, limit);
}

std::string Report::text() const {
  std::string text = std::to_string(lines_.size()) + " differ";
  for (std::size_t i = 0; i < lines_.size() && i < 40; ++i) text += "\n" + lines_[i];
  return text;
}

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : " ") + item;
  return text;
}

}  // namespace rruled::rrule::vectors
