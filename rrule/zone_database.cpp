#include "rrule/zone_database.h"

#include "rrule/edit_distance.h"
#include "rrule/tzif.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

namespace rruled::rrule {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameMax = 64;
// Full zoneinfo folders have about 1,900 files.
constexpr int kFolderEntriesMax = 20'000;

bool has_zone_characters(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '/';
  });
}

bool names_no_place(std::string_view name) {
  return name.starts_with("posix/") || name.starts_with("right/") || name == "localtime" ||
         name == "posixrules" || name == "Factory";
}

// Why `name` cannot be one of ours; empty when it can.
std::string refusal(std::string_view name) {
  if (name.empty()) return "a time zone name is empty";
  if (name.size() > kNameMax) return "a time zone name has at most 64 characters";
  if (name.front() == '/' || name.back() == '/' || name.find("//") != std::string_view::npos) {
    return "a time zone is named like \"Europe/Prague\", not by a path";
  }
  if (!has_zone_characters(name)) {
    return "a time zone name has only letters, digits and the characters _ + - /";
  }
  if (names_no_place(name)) return "\"" + std::string(name) + "\" is not a place's time zone";
  return {};
}

// For comparing what a person typed with a name: "america/new york" is "America/New_York".
std::string folded(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ') c = '_';
  }
  return result;
}

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// The whole file, or nothing when it is not a regular file of sensible size inside `folder`.
std::optional<std::string> read_below(const fs::path& folder, std::string_view name) {
  std::error_code failed;
  const fs::path root = fs::canonical(folder, failed);
  if (failed) return std::nullopt;
  const fs::path file = fs::canonical(root / name, failed);
  if (failed || !fs::is_regular_file(file, failed)) return std::nullopt;
  if (*file.lexically_relative(root).begin() == "..") return std::nullopt;
  if (fs::file_size(file, failed) > kTzifBytesMax || failed) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!bytes.starts_with("TZif")) return std::nullopt;
  return bytes;
}

}  // namespace

fs::path ZoneDatabase::default_folder() {
  const char* folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

ZoneDatabase::ZoneDatabase(fs::path folder)
    : folder_(std::move(folder)), version_(read_version()) {}

std::string ZoneDatabase::version() const {
  const std::shared_lock lock(mutex_);
  return version_;
}

Result<std::shared_ptr<const TimeZone>> ZoneDatabase::find(std::string_view name) const {
  if (name == "UTC") return TimeZone::utc();
  while (true) {
    std::uint64_t generation = 0;
    {
      const std::shared_lock lock(mutex_);
      if (const auto known = zones_.find(name); known != zones_.end()) return known->second;
      generation = generation_;
    }
    auto zone = read(name);
    if (!zone) return zone;
    const std::unique_lock lock(mutex_);
    if (generation == generation_) return zones_.try_emplace((*zone)->name(), *zone).first->second;
  }
}

bool ZoneDatabase::has(std::string_view name) const {
  if (name == "UTC") return true;
  {
    const std::shared_lock lock(mutex_);
    if (zones_.contains(name)) return true;
  }
  return refusal(name).empty() && read_below(folder_, name).has_value();
}

Result<std::shared_ptr<const TimeZone>> ZoneDatabase::read(std::string_view name) const {
  if (const std::string why = refusal(name); !why.empty()) return unknown(name, why);
  const auto bytes = read_below(folder_, name);
  if (!bytes) return unknown(name, "unknown time zone \"" + std::string(name) + "\"");
  auto zone = TimeZone::parse(std::string(name), *bytes);
  if (!zone) {
    return ParseError{zone.error().code, zone.error().offset,
                      "time zone \"" + std::string(name) + "\": " + zone.error().detail};
  }
  return zone;
}

ParseError ZoneDatabase::unknown(std::string_view name, const std::string& why) const {
  std::error_code failed;
  if (!fs::is_directory(folder_, failed)) {
    return {ErrorCode::unknown_zone, 0,
            why + "; there is no time zone folder " + folder_.string() + " (package tzdata)"};
  }
  const std::string likely = likely_name(name);
  const std::string hint = likely.empty() ? "" : "; did you mean \"" + likely + "\"?";
  return {ErrorCode::unknown_zone, 0, why + hint};
}

// The name that differs in case or spaces only, or the first whose last part is `name`, or the
// nearest of which `name` may be a slip.
std::string ZoneDatabase::likely_name(std::string_view name) const {
  if (name.empty() || name.size() > kNameMax) return {};
  const std::string wanted = folded(name);
  std::vector<std::string> places;
  std::vector<std::pair<std::size_t, std::string>> slips;  // by distance
  std::error_code failed;
  int entries = 0;
  for (auto entry = fs::recursive_directory_iterator(folder_, failed);
       !failed && entry != fs::recursive_directory_iterator() && ++entries < kFolderEntriesMax;
       entry.increment(failed)) {
    const std::string candidate = entry->path().lexically_relative(folder_).string();
    if (candidate == "posix" || candidate == "right") entry.disable_recursion_pending();
    const std::string text = folded(candidate);
    const bool same = text == wanted;
    const bool place = text.ends_with("/" + wanted);
    if (!same && !place && !is_slip(wanted, text)) continue;
    if (!refusal(candidate).empty() || !read_below(folder_, candidate)) continue;
    if (same) return candidate;
    if (place)
      places.push_back(candidate);
    else
      slips.emplace_back(edit_distance(wanted, text), candidate);
  }
  if (!places.empty()) return *std::min_element(places.begin(), places.end());
  return slips.empty() ? "" : std::min_element(slips.begin(), slips.end())->second;
}

std::string ZoneDatabase::read_version() const {
  constexpr std::string_view kMark = "# version ";
  const std::string zi = first_line(folder_ / "tzdata.zi");
  if (zi.starts_with(kMark)) return zi.substr(kMark.size());
  const std::string version = first_line(folder_ / "+VERSION");
  return version.empty() ? "unknown" : version;
}

ZoneDatabase::Reloaded ZoneDatabase::reload() {
  const std::scoped_lock one_at_a_time(reload_mutex_);
  Reloaded result;
  result.version_after = read_version();
  Zones zones;
  {
    const std::unique_lock lock(mutex_);
    ++generation_;
    zones = zones_;
    result.version_before = std::exchange(version_, result.version_after);
  }
  for (auto& [name, zone] : zones) {
    const auto fresh = read(name);
    if (!fresh) {
      result.unreadable.emplace_back(name, fresh.error());
    } else if (!(*fresh)->same_times(*zone)) {
      result.changed.push_back(name);
      zone = *fresh;
    }
  }
  const std::unique_lock lock(mutex_);
  for (const std::string& name : result.changed) zones_[name] = zones[name];
  return result;
}

}  // namespace rruled::rrule
