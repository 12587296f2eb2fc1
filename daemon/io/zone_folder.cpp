#include "daemon/io/zone_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace rruled::io {
namespace {

namespace fs = std::filesystem;

// What names have three parts.
constexpr std::array<std::string_view, 4> kDeepAreas{"America/Argentina", "America/Indiana",
                                                     "America/Kentucky", "America/North_Dakota"};

// The folder, and each in it. Where one of them has areas itself, the zones are in that one: by
// their names from here nobody would find them.
std::vector<std::string> areas_of(const fs::path& folder) {
  std::vector<std::string> areas{""};
  areas.insert(areas.end(), kDeepAreas.begin(), kDeepAreas.end());
  std::error_code error;
  for (fs::directory_iterator each(folder, error); !error && each != fs::directory_iterator();
       each.increment(error)) {
    const fs::path& path = each->path();
    std::error_code ignored;
    if (each->is_directory(ignored) && !fs::is_directory(path / "Europe", ignored) &&
        !fs::is_directory(path / "Etc", ignored))
      areas.push_back(path.filename().string());
  }
  return areas;
}

bool has_zone_in(const rrule::ZoneDatabase& zones, std::string_view area) {
  std::error_code error;
  const fs::path folder = area.empty() ? zones.folder() : zones.folder() / area;
  fs::directory_iterator entries(folder, error);
  return !error && std::any_of(begin(entries), end(entries), [&](const auto& each) {
    const std::string name = (fs::path(area) / each.path().filename()).string();
    // UTC is known without a file, too.
    return zones.has(name) && (name != "UTC" || each.is_regular_file());
  });
}

}  // namespace

std::string why_no_zones(const rrule::ZoneDatabase& zones) {
  std::error_code error;
  if (!fs::is_directory(zones.folder(), error))
    return "there is no folder " + zones.folder().string();
  const bool any = std::ranges::any_of(
      areas_of(zones.folder()), [&](const std::string& area) { return has_zone_in(zones, area); });
  return any ? "" : "no time zone can be read from " + zones.folder().string();
}

}  // namespace rruled::io
