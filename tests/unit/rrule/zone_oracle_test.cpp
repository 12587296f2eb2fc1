// Every change of offset of every IANA zone, 1970 to 2200, against two readers that are not ours:
// Python's zoneinfo (zones_oracle.py says what it prints) and, to 2037, Howard Hinnant's date.
#include "rrule/zone_database.h"

#include <catch2/catch.hpp>
#include <date/tz.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace rruled::rrule;
using namespace std::chrono_literals;

namespace {

constexpr seconds kReach = 3h;
constexpr seconds kStep = 30min;

sys_seconds at(std::int64_t value) { return sys_seconds{seconds{value}}; }

// Lines of a command's output, at most one in memory.
class Command {
 public:
  explicit Command(const std::string& command) : pipe_(popen(command.c_str(), "r"), pclose) {}

  std::optional<std::string> line() {
    std::string result;
    std::array<char, 4096> part{};
    while (std::fgets(part.data(), part.size(), pipe_.get()) != nullptr) {
      result += part.data();
      if (result.back() != '\n') continue;
      result.pop_back();
      return result;
    }
    return std::nullopt;
  }
  int close() { return pclose(pipe_.release()); }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe_;
};

// Numbers of a line: each follows the letter's blank, a blank or a comma.
std::vector<std::int64_t> numbers(const std::string& line) {
  std::vector<std::int64_t> result;
  const char* const end = line.data() + line.size();
  for (const char* p = line.data() + 1; p < end;) {
    result.push_back(0);
    p = std::from_chars(p + 1, end, result.back()).ptr;
  }
  return result;
}

struct Change {
  sys_seconds at;
  seconds before;
  seconds after;
};

std::vector<sys_seconds> instants_around(const Change& change) {
  std::vector<sys_seconds> result;
  for (auto t = change.at - kReach; t <= change.at + kReach; t += kStep) result.push_back(t);
  result.push_back(change.at - 1s);
  return result;
}

std::vector<local_seconds> walls_around(const Change& change) {
  const local_seconds low{change.at.time_since_epoch() + std::min(change.before, change.after)};
  const local_seconds high{change.at.time_since_epoch() + std::max(change.before, change.after)};
  std::vector<local_seconds> result;
  for (auto t = low - kReach; t <= high + kReach; t += kStep) result.push_back(t);
  for (const auto t : {low - 1s, low, high - 1s, high}) result.push_back(t);
  return result;
}

// Both readings in PEP 495's order: in a gap the offset before it, in a fold the first.
struct Reading {
  seconds first;
  seconds second;
  friend bool operator==(const Reading&, const Reading&) = default;
};

Reading reading(const TimeZone& zone, local_seconds wall) {
  const Resolved r = zone.resolve(wall);
  const seconds earlier = wall.time_since_epoch() - r.earlier.time_since_epoch();
  const seconds later = wall.time_since_epoch() - r.later.time_since_epoch();
  if (r.kind == Resolved::Kind::gap) return {later, earlier};
  return {earlier, later};
}

bool kind_fits(const TimeZone& zone, local_seconds wall) {
  const Resolved r = zone.resolve(wall);
  const bool shows = zone.to_local(r.earlier) == wall && zone.to_local(r.later) == wall;
  return shows == (r.kind != Resolved::Kind::gap) && r.earlier <= r.later &&
         (r.earlier == r.later) == (r.kind == Resolved::Kind::unique);
}

// What differs is collected: one assertion a probe would take minutes.
struct Tally {
  int zones = 0;
  int aliases = 0;
  int changes = 0;
  long probes = 0;
  std::vector<std::string> wrong;

  template <class... Parts>
  void differ(const Parts&... parts) {
    std::ostringstream text;
    ((text << parts << ' '), ...);
    wrong.push_back(text.str());
  }
};

class Comparison {
 public:
  void line(const std::string& line) {
    switch (line[0]) {
      case 'z':
        finish_zone();
        return start_zone(line.substr(5));
      case 'a':
        return alias(line);
      case 't':
        return change(numbers(line));
      case 'u':
        return offsets(numbers(line));
      case 'l':
        return walls(line);
      default:
        tally_.differ("odd line", line);
    }
  }

  Tally finish() {
    finish_zone();
    return tally_;
  }

 private:
  void start_zone(const std::string& name) {
    ++tally_.zones;
    zone_ = zones_.find(name).value();
    changes_.clear();
  }

  // The list itself: none may be missing, none invented.
  void finish_zone() {
    if (!zone_) return;
    const auto ours = zone_->transitions(at(0), at(7'289'654'399));
    if (ours.size() != changes_.size()) {
      return tally_.differ(zone_->name(), "has", ours.size(), "not", changes_.size(), "changes");
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (ours[i].at != changes_[i].at || ours[i].before != changes_[i].before ||
          ours[i].after != changes_[i].after) {
        tally_.differ(zone_->name(), "change", i, ours[i].at.time_since_epoch().count());
      }
    }
  }

  void alias(const std::string& line) {
    ++tally_.aliases;
    const std::size_t space = line.find(' ', 6);
    const auto link = zones_.find(line.substr(6, space - 6)).value();
    const auto target = zones_.find(line.substr(space + 1)).value();
    if (!link->same_times(*target)) tally_.differ(line);
  }

  void change(const std::vector<std::int64_t>& n) {
    ++tally_.changes;
    changes_.push_back({at(n.at(0)), seconds{n.at(1)}, seconds{n.at(2)}});
  }

  void offsets(const std::vector<std::int64_t>& expected) {
    const auto instants = instants_around(changes_.back());
    REQUIRE(instants.size() == expected.size());
    for (std::size_t i = 0; i < instants.size(); ++i) {
      ++tally_.probes;
      if (zone_->offset_at(instants[i]) != seconds{expected[i]}) {
        tally_.differ(zone_->name(), "at", instants[i].time_since_epoch().count(), expected[i]);
      }
    }
  }

  void walls(const std::string& line) {
    const auto walls = walls_around(changes_.back());
    std::istringstream words(line.substr(1));
    std::string word;
    for (const local_seconds wall : walls) {
      REQUIRE(words >> word);
      ++tally_.probes;
      const auto n = numbers("l " + word);
      const Reading expected{seconds{n.front()}, seconds{n.back()}};
      if (reading(*zone_, wall) != expected || !kind_fits(*zone_, wall)) {
        tally_.differ(zone_->name(), "local", wall.time_since_epoch().count(), word);
      }
    }
    REQUIRE_FALSE(words >> word);
  }

  ZoneDatabase zones_;
  Tally tally_;
  std::shared_ptr<const TimeZone> zone_;
  std::vector<Change> changes_;
};

void require_none_wrong(const Tally& tally) {
  for (std::size_t i = 0; i < tally.wrong.size() && i < 20; ++i) UNSCOPED_INFO(tally.wrong[i]);
  CHECK(tally.wrong.size() == 0);
}

}  // namespace

TEST_CASE("every change of every zone reads as in Python's zoneinfo") {
  if (std::system("/usr/bin/python3 -c 'import zoneinfo' >/dev/null 2>&1") != 0) {
    WARN("skipped: /usr/bin/python3 with zoneinfo is not installed");
    return;
  }
  Command oracle("/usr/bin/python3 '" RRULED_SOURCE_DIR "/tests/unit/rrule/zones_oracle.py'");
  Comparison comparison;
  while (const auto line = oracle.line()) comparison.line(*line);
  REQUIRE(oracle.close() == 0);
  const Tally tally = comparison.finish();
  require_none_wrong(tally);
  CHECK(tally.zones > 300);
  CHECK(tally.zones + tally.aliases > 400);
  CHECK(tally.changes > 40'000);
  CHECK(tally.probes > 30 * tally.changes);
}

TEST_CASE("awkward zones read as in date, 1970 to 2037") {
  const std::string name =
      GENERATE("America/New_York", "Europe/Dublin", "Africa/Casablanca", "Africa/Monrovia",
               "America/Caracas", "America/Sao_Paulo", "Antarctica/Troll", "Asia/Gaza",
               "Asia/Kathmandu", "Asia/Pyongyang", "Australia/Lord_Howe", "Europe/Volgograd",
               "Pacific/Apia", "Pacific/Chatham", "Pacific/Kwajalein");
  CAPTURE(name);
  const ZoneDatabase zones;
  const auto zone = zones.find(name).value();
  const date::time_zone* theirs = date::locate_zone(name);
  const auto changes = zone->transitions(at(0), at(2'145'916'800));
  REQUIRE(changes.size() >= 1);
  Tally tally;
  for (const auto& c : changes) {
    const Change change{c.at, c.before, c.after};
    for (const sys_seconds instant : instants_around(change)) {
      ++tally.probes;
      if (zone->offset_at(instant) != theirs->get_info(instant).offset) {
        tally.differ(name, "at", instant.time_since_epoch().count());
      }
    }
    for (const local_seconds wall : walls_around(change)) {
      ++tally.probes;
      const date::local_info info = theirs->get_info(wall);
      const bool unique = info.result == date::local_info::unique;
      const Reading expected{info.first.offset, unique ? info.first.offset : info.second.offset};
      if (reading(*zone, wall) != expected) {
        tally.differ(name, "local", wall.time_since_epoch().count());
      }
    }
  }
  require_none_wrong(tally);
  CHECK(tally.probes > 30);
}
