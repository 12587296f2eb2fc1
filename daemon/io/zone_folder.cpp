#include "daemon/io/zone_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

namespace rruled::io {
namespace {

namespace fs = std::filesystem;

// A folder above them has zones as well, by names that nobody writes.
constexpr std::array<std::string_view, 12> kAreas{"",       "Africa",   "America",   "Antarctica",
                                                  "Asia",   "Atlantic", "Australia", "Etc",
                                                  "Europe", "Indian",   "Pacific",   "US"};

bool has_zone_in(const rrule::ZoneDatabase& zones, std::string_view area) {
  std::error_code error;
  const fs::path folder = area.empty() ? zones.folder() : zones.folder() / area;
  fs::directory_iterator entries(folder, error);
  return !error && std::any_of(begin(entries), end(entries), [&](const auto& each) {
    const std::string name = (fs::path(area) / each.path().filename()).string();
    return name != "UTC" && zones.has(name);
  });
}

}  // namespace

std::string why_no_zones(const rrule::ZoneDatabase& zones) {
  std::error_code error;
  if (!fs::is_directory(zones.folder(), error))
    return "there is no folder " + zones.folder().string();
  const bool any = zones.has("Europe/London") || zones.has("America/New_York") ||
                   std::ranges::any_of(kAreas, [&](const std::string_view area) {
                     return has_zone_in(zones, area);
                   });
  return any ? "" : "no time zone can be read from " + zones.folder().string();
}

}  // namespace rruled::io
