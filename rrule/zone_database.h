#pragma once

#include "rrule/result.h"
#include "rrule/time_zone.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rruled::rrule {

// IANA zones by name, read from a zoneinfo folder when first asked for and kept. Nothing ever falls
// back to UTC. Thread-safe; find() of a known zone takes a shared lock.
//
//   ZoneDatabase zones;                                    // $TZDIR, or /usr/share/zoneinfo
//   const auto prague = zones.find("Europe/Prague");
//   for (const auto& name : zones.reload().changed) recompute(name);
class ZoneDatabase {
 public:
  // $TZDIR when set and not empty, otherwise /usr/share/zoneinfo.
  [[nodiscard]] static std::filesystem::path default_folder();

  // A folder that is missing or empty is not an error here: it is one of each find().
  explicit ZoneDatabase(std::filesystem::path folder = default_folder());
  ZoneDatabase(const ZoneDatabase&) = delete;
  ZoneDatabase& operator=(const ZoneDatabase&) = delete;

  // Names are case-sensitive: [A-Za-z0-9_+-/], 1 to 64 characters, a regular TZif file below the
  // folder after links are followed. "UTC" is known without any file. Not zones: "posix/", "right/"
  // (leap seconds), "localtime" and "posixrules" (they name whatever the machine is set to) and
  // "Factory" (the mark of a machine that nobody has set). Everything else is
  // ErrorCode::unknown_zone at offset 0, with the likely name in the detail; a file that is damaged
  // keeps the code of TimeZone::parse.
  [[nodiscard]] Result<std::shared_ptr<const TimeZone>> find(std::string_view name) const;

  // Whether find() would look into a file for it. Cheap where the name is probably wrong: a miss
  // costs find() a walk through the folder for the likely name.
  [[nodiscard]] bool has(std::string_view name) const;

  // "2026f", or "unknown" when the folder does not say.
  [[nodiscard]] std::string version() const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  struct Reloaded {
    std::string version_before;
    std::string version_after;
    std::vector<std::string> changed;  // sorted: these read other times now
    std::vector<std::pair<std::string, ParseError>> unreadable;  // kept as they were
  };
  // Reads every zone found so far again. Later find()s return the new ones; pointers given out
  // before stay valid and unchanged.
  Reloaded reload();

 private:
  using Zones = std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>>;

  [[nodiscard]] Result<std::shared_ptr<const TimeZone>> read(std::string_view name) const;
  [[nodiscard]] ParseError unknown(std::string_view name, const std::string& why) const;
  [[nodiscard]] std::string likely_name(std::string_view name) const;
  [[nodiscard]] std::string read_version() const;

  const std::filesystem::path folder_;
  std::mutex reload_mutex_;  // one reload at a time; taken before mutex_

  // Guarded by mutex_.
  mutable std::shared_mutex mutex_;
  mutable Zones zones_;
  std::uint64_t generation_ = 0;  // counts reloads: what was read before one is not kept after it
  std::string version_;
};

}  // namespace rruled::rrule
