#include "rrule/ical.h"
#include "rrule/ical_lines.h"
#include "rrule/ical_value.h"
#include "rrule/parse.h"
#include "rrule/recurrence.h"
#include "rrule/rule_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace rruled::rrule {
namespace {

using ical::Component;
using ical::Line;
using Kind = ImportNote::Kind;

constexpr std::size_t kLineMax = 64 * 1024;  // of what libical is to read

template <std::size_t n>
bool is_one_of(std::string_view name, const std::array<std::string_view, n>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool recurs(std::string_view name) {
  return is_one_of<4>(name, {"RRULE", "RDATE", "EXDATE", "EXRULE"});
}

bool is_silent(std::string_view name) {
  return name.starts_with("X-") ||
         is_one_of<10>(name, {"UID", "SUMMARY", "DTSTART", "DTSTAMP", "CREATED", "LAST-MODIFIED",
                              "SEQUENCE", "CLASS", "TRANSP", "PRIORITY"});
}

// A value as libical reads it, or nothing.
ical::PropertyPtr property(const Line& line, icalproperty_kind kind) {
  if (line.text.size() > kLineMax) return nullptr;
  ical::PropertyPtr result(icalproperty_new_from_string(line.text.c_str()));
  if (result && icalproperty_isa(result.get()) != kind) return nullptr;
  return result;
}

std::string text_of(const Line* line, icalproperty_kind kind) {
  if (line == nullptr) return {};
  const auto read = property(*line, kind);
  const char* text = read ? icalvalue_get_text(icalproperty_get_value(read.get())) : nullptr;
  return text == nullptr ? "" : text;
}

// IANA names for the TZIDs of one file.
class ZoneNames {
 public:
  ZoneNames(const std::vector<Component>& components, const ZoneDatabase& zones) : zones_(zones) {
    for (const Component& component : components) {
      const Line* id = component.find("TZID");
      const Line* location = component.find("X-LIC-LOCATION");
      if (component.name == "VTIMEZONE" && id != nullptr && location != nullptr) {
        locations_.emplace(id->value(), location->value());
      }
    }
  }

  // Empty when the TZID is no place we know.
  std::string find(const std::string& id) {
    const auto [known, is_new] = names_.try_emplace(id);
    if (is_new) known->second = look_up(id);
    return known->second;
  }

 private:
  [[nodiscard]] std::string look_up(const std::string& id) const {
    if (zones_.has(id)) return id;
    if (const auto location = locations_.find(id); location != locations_.end()) {
      if (zones_.has(location->second)) return location->second;
    }
    // "/freeassociation.sourceforge.net/Europe/Prague": the longest tail that is a zone.
    if (!id.starts_with('/') || id.size() > 256) return {};
    for (std::size_t at = 0; at != std::string::npos; at = id.find('/', at + 1)) {
      if (zones_.has(std::string_view(id).substr(at + 1))) return id.substr(at + 1);
    }
    return {};
  }

  const ZoneDatabase& zones_;
  std::map<std::string, std::string> locations_;
  std::map<std::string, std::string> names_;
};

// What an entry is believed to take at most.
constexpr std::int64_t kDaysMax = 366;

class EntryReader {
 public:
  EntryReader(const Component& component,
              const ZoneDatabase& zones,
              ZoneNames& names,
              std::string_view default_zone,
              std::vector<ImportNote>& notes)
      : component_(component),
        zones_(zones),
        names_(names),
        default_zone_(default_zone),
        notes_(notes) {}

  std::optional<CalendarEntry> read() {
    if (!is_wanted()) return std::nullopt;
    entry_.line = component_.begin.number;
    entry_.uid = text_of(component_.find("UID"), ICAL_UID_PROPERTY);
    entry_.name = text_of(component_.find("SUMMARY"), ICAL_SUMMARY_PROPERTY);
    if (!read_start() || !read_recurrence()) return std::nullopt;
    for (const Line& line : component_.lines) {
      const std::string name = line.name();
      if (recurs(name) || is_silent(name)) continue;
      note(line, Kind::altered, name + " is left out");
    }
    return entry_;
  }

 private:
  void note(const Line& line, Kind kind, std::string text) {
    notes_.push_back({line.number, kind, std::move(text)});
  }

  // False, and noted, when the line says so.
  bool drop(const Line& line, std::string text) {
    note(line, Kind::dropped, std::move(text));
    return false;
  }

  bool is_wanted() {
    if (const Line* id = component_.find("RECURRENCE-ID")) {
      return drop(*id, "a changed single instance: the unchanged time still runs");
    }
    if (const Line* status = component_.find("STATUS")) {
      const auto value = status->value();
      // Its values are no more case-sensitive than names are (RFC 5545, 2).
      for (const auto* over : {"CANCELLED", "COMPLETED"}) {
        if (detail::equals_word(value, over)) {
          return drop(*status, "the entry is " + std::string(over) + " and would not run");
        }
      }
    }
    return true;
  }

  bool read_start() {
    const Line* line = component_.find("DTSTART");
    if (line == nullptr) return drop(component_.begin, component_.name + " has no DTSTART");
    const auto start = property(*line, ICAL_DTSTART_PROPERTY);
    const icaltimetype time = start ? icalproperty_get_dtstart(start.get()) : icaltime_null_time();
    const date::year_month_day day = date::year{time.year} / time.month / time.day;
    if (icaltime_is_null_time(time) || !day.ok() || time.hour > 23 || time.minute > 59) {
      return drop(*line, "DTSTART is not a date or a time");
    }
    // RFC 5545 3.3.12: second 60 reads as 59.
    entry_.starts_at_local = date::local_days{day} + std::chrono::hours{time.hour} +
                             std::chrono::minutes{time.minute} + seconds{std::min(time.second, 59)};
    return read_zone(*line, *start, time);
  }

  bool read_zone(const Line& line, icalproperty& start, const icaltimetype& time) {
    icalparameter* id = icalproperty_get_first_parameter(&start, ICAL_TZID_PARAMETER);
    if (!time.is_date && icaltime_is_utc(time)) {
      entry_.zone = "UTC";
    } else if (!time.is_date && id != nullptr) {
      id_ = icalparameter_get_tzid(id);
      entry_.zone = names_.find(id_);
      if (entry_.zone.empty()) return drop(line, "TZID \"" + id_ + "\" is no IANA time zone");
    } else {
      const std::string what = time.is_date ? "an all-day date" : "a time without a zone";
      if (!zones_.has(default_zone_)) return drop(line, what + " needs a default time zone");
      entry_.zone = default_zone_;
      const std::string read = time.is_date ? "runs at 00:00 " : "is read as ";
      note(line, Kind::altered, what + " " + read + entry_.zone);
      if (time.is_date) read_days();
    }
    return true;
  }

  // DTEND is the day after the last one.
  void read_days() {
    const Line* line = component_.find("DTEND");
    const auto end = line == nullptr ? nullptr : property(*line, ICAL_DTEND_PROPERTY);
    if (!end) return;
    const icaltimetype time = icalproperty_get_dtend(end.get());
    const date::year_month_day day = date::year{time.year} / time.month / time.day;
    if (icaltime_is_null_time(time) || !day.ok()) return;
    const auto days =
        date::local_days{day} - std::chrono::floor<date::days>(entry_.starts_at_local);
    entry_.days = static_cast<int>(std::clamp<std::int64_t>(days.count(), 1, kDaysMax));
  }

  // Our parser reads the lines as they are; a mistake in one of them spoils the times of all.
  bool read_recurrence() {
    std::vector<const Line*> lines;
    std::vector<std::size_t> begins;
    std::string text;
    for (const Line& line : component_.lines) {
      if (!recurs(line.name())) continue;
      lines.push_back(&line);
      begins.push_back(text.size());
      text += line.text + "\n";
    }
    const auto has = [&](std::string_view name) { return component_.find(name) != nullptr; };
    // DTSTART is an occurrence of a set of dates, and the only one where there is nothing else.
    if (!has("RRULE")) {
      text += has("RDATE") ? "RDATE:" + to_string(Until{entry_.starts_at_local}) + "\n"
                           : "RRULE:FREQ=DAILY;COUNT=1\n";
    }
    auto set = parse_recurrence(text);
    if (!set) {
      const auto after = std::upper_bound(begins.begin(), begins.end(), set.error().offset);
      const Line& where = after == begins.begin()
                              ? component_.begin
                              : *lines[static_cast<std::size_t>(after - begins.begin()) - 1];
      return drop(where, where.name() + ": " + set.error().detail);
    }
    return name_zones(set->dates, "RDATE") && name_zones(set->exclude_dates, "EXDATE") &&
           keep(*set);
  }

  // TZIDs of dates become IANA names; the entry's own is left out.
  bool name_zones(std::vector<DateValue>& dates, std::string_view line_name) {
    for (DateValue& date : dates) {
      auto* zoned = std::get_if<ZonedTime>(&date);
      if (zoned == nullptr) continue;
      const std::string zone = names_.find(zoned->zone);
      if (zone.empty()) {
        return drop(*component_.find(line_name),
                    "TZID \"" + zoned->zone + "\" is no IANA time zone");
      }
      if (zone == entry_.zone) {
        date = local_seconds{zoned->local};
      } else {
        zoned->zone = zone;
      }
    }
    std::sort(dates.begin(), dates.end());
    dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
    return true;
  }

  bool keep(const RecurrenceSet& set) {
    const auto zone = zones_.find(entry_.zone);
    if (!zone) return drop(*component_.find("DTSTART"), zone.error().detail);
    const sys_seconds start = start_instant(entry_.starts_at_local, **zone);
    const auto compiled = Recurrence::compile(
        set, start, *zone, {}, [this](const auto& name) { return zones_.find(name); });
    if (!compiled) return drop(component_.begin, compiled.error().detail);
    const auto first = compiled->first();
    if (!first) return drop(component_.begin, "the rule has no occurrence");
    if (first->instant != start) {
      note(*component_.find("DTSTART"), Kind::altered,
           "the rule leaves the start out: it does not run then");
    }
    entry_.recurrence = to_string(set);
    return true;
  }

  const Component& component_;
  const ZoneDatabase& zones_;
  ZoneNames& names_;
  std::string default_zone_;
  std::vector<ImportNote>& notes_;
  CalendarEntry entry_;
  std::string id_;  // TZID of DTSTART
};

bool is_entry(const Component& component) {
  return component.name == "VEVENT" || component.name == "VTODO";
}

class CalendarReader {
 public:
  CalendarReader(std::vector<Component> components,
                 const ZoneDatabase& zones,
                 std::string_view default_zone)
      : components_(std::move(components)),
        zones_(zones),
        names_(components_, zones),
        default_zone_(default_zone) {}

  Calendar read() {
    for (const Component& component : components_) {
      if (!component.parent || component.name == "VTIMEZONE") continue;
      const Component& parent = components_[*component.parent];
      if (parent.name == "VTIMEZONE") continue;
      if (is_entry(component)) {
        auto entry = EntryReader(component, zones_, names_, default_zone_, calendar_.notes).read();
        if (entry) calendar_.entries.push_back(*std::move(entry));
      } else {
        calendar_.notes.push_back({component.begin.number,
                                   is_entry(parent) ? Kind::altered : Kind::dropped,
                                   component.name + " is left out"});
      }
    }
    std::stable_sort(calendar_.notes.begin(), calendar_.notes.end(),
                     [](const ImportNote& a, const ImportNote& b) { return a.line < b.line; });
    return std::move(calendar_);
  }

 private:
  std::vector<Component> components_;
  const ZoneDatabase& zones_;
  ZoneNames names_;
  std::string_view default_zone_;
  Calendar calendar_;
};

}  // namespace

Result<Calendar> read_calendar(std::string_view text,
                               const ZoneDatabase& zones,
                               std::string_view default_zone) {
  if (text.size() > kCalendarMax) {
    return ParseError{ErrorCode::too_long, kCalendarMax, "a calendar has at most 1 MiB"};
  }
  auto components = ical::components(text);
  if (!components) return components.error();
  if (components->empty() || components->front().name != "VCALENDAR") {
    return ParseError{ErrorCode::syntax, 0, "BEGIN:VCALENDAR is expected"};
  }
  return CalendarReader(*std::move(components), zones, default_zone).read();
}

}  // namespace rruled::rrule
