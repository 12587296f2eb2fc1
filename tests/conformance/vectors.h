// Reading the shared test vectors (README.md in RRULED_CONFORMANCE_DIR).
#pragma once

#include "rrule/recurrence.h"

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace rruled::rrule::vectors {

// Every line of a file as an object; nothing, with a printed note, when the folder is not there.
std::vector<boost::json::object> lines(const std::string& file);
std::optional<boost::json::object> whole(const std::string& file);

std::string text(const boost::json::object& object, const char* key);
std::vector<std::string> texts(const boost::json::value& list);

// 2026-01-31T09:00:00 and 2026-01-31T09:00:00Z. Fractions of a second are dropped.
local_seconds local(const std::string& text);
sys_seconds instant(const std::string& text);
std::string print(local_seconds local);
std::string print(sys_seconds instant);

// From tests/data/zoneinfo-2025b, the version that the vectors state. Throws when the zone is not
// there.
std::shared_ptr<const TimeZone> zone(const std::string& name);

// What the vectors assume: gaps shift, folds read first.
inline constexpr DstPolicy kVectorPolicy{GapPolicy::shift, FoldPolicy::first};

// "rrule", "dtstart_local" and "timezone" of a vector.
Result<Recurrence> compile(const boost::json::object& vector,
                           const std::string& rule,
                           DstPolicy policy = kVectorPolicy);

// The first `limit` instants after `after`.
std::vector<std::string> instants(const Recurrence& recurrence,
                                  sys_seconds after,
                                  std::size_t limit);
std::vector<std::string> instants(const Recurrence& recurrence, std::size_t limit);

// Collects what differs, so that one run shows all of it.
class Report {
 public:
  void differs(const std::string& what) { lines_.push_back(what); }
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> lines_;
};

std::string join(const std::vector<std::string>& items);

}  // namespace rruled::rrule::vectors
