#include "rrule/ical.h"
#include "rrule/ical_value.h"
#include "rrule/ical_zone.h"
#include "rrule/parse.h"
#include "rrule/recurrence.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace rruled::rrule {
namespace {

constexpr std::size_t kDayOccurrencesMax = 1'000;  // of a day that EXDATE leaves out whole

void add(icalcomponent* component, icalproperty* property) {
  icalcomponent_add_property(component, property);
}

// Line breaks stay (libical writes "\n"), other control characters have no place in iCalendar text.
std::string printable(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  std::replace_if(
      text.begin(), text.end(),
      [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
      },
      ' ');
  return text;
}

// Zones that the calendar needs, each from its earliest use on.
class UsedZones {
 public:
  void use(const std::shared_ptr<const TimeZone>& zone, sys_seconds at) {
    const auto [used, is_new] = zones_.try_emplace(zone->name(), Used{zone, at});
    if (!is_new) used->second.from = std::min(used->second.from, at);
  }

  void add_to(icalcomponent* calendar) const {
    // libical puts each VTIMEZONE before the ones it has.
    for (auto zone = zones_.rbegin(); zone != zones_.rend(); ++zone) {
      const auto& [name, used] = *zone;
      if (name == "UTC") continue;
      icalcomponent_add_component(calendar, ical::vtimezone(*used.zone, used.from).release());
    }
  }

 private:
  struct Used {
    std::shared_ptr<const TimeZone> zone;
    sys_seconds from;
  };
  std::map<std::string, Used> zones_;
};

class EventWriter {
 public:
  EventWriter(const CalendarEntry& entry,
              const ZoneDatabase& zones,
              UsedZones& used,
              std::vector<std::string>& notes)
      : entry_(entry), zones_(zones), used_(used), notes_(notes) {}

  Result<ical::ComponentPtr> write(sys_seconds stamp) {
    if (auto error = prepare()) return *std::move(error);
    ical::ComponentPtr event(icalcomponent_new_vevent());
    add(event.get(), icalproperty_new_uid(printable(entry_.uid).c_str()));
    add(event.get(), ical::verbatim("DTSTAMP", to_string(Until{stamp})));
    if (!entry_.name.empty()) {
      add(event.get(), icalproperty_new_summary(printable(entry_.name).c_str()));
    }
    add_times(event.get(), "DTSTART", {start_});
    for (const Rule& rule : set_.rules) add(event.get(), ical::verbatim("RRULE", text(rule)));
    for (const Rule& rule : set_.exclude_rules)
      add(event.get(), ical::verbatim("EXRULE", text(rule)));
    add_times(event.get(), "RDATE", set_.dates);
    add_times(event.get(), "EXDATE", set_.exclude_dates);
    used_.use(zone_, start_instant(start_, *zone_));
    return event;
  }

 private:
  using MaybeError = std::optional<ParseError>;

  [[nodiscard]] Result<Recurrence> compile(const RecurrenceSet& set) const {
    return Recurrence::compile(set, instant_, zone_, {},
                               [this](const auto& name) { return zones_.find(name); });
  }

  MaybeError prepare() {
    if (entry_.uid.empty()) return ParseError{ErrorCode::missing_part, 0, "uid is empty"};
    auto zone = zones_.find(entry_.zone);
    if (!zone) return zone.error();
    zone_ = *zone;
    auto set = parse_recurrence(entry_.recurrence);
    if (!set) return set.error();
    set_ = *std::move(set);
    start_ = entry_.starts_at_local;
    instant_ = start_instant(start_, *zone_);
    const auto all = compile(set_);
    if (!all) return all.error();
    if (all->never())
      return ParseError{ErrorCode::bad_value, 0, "the recurrence has no occurrence"};
    note_what_others_miss();
    expand_days();
    name_start(*all);
    return std::nullopt;
  }

  void note_what_others_miss() {
    const auto any = [this](auto&& is) {
      return std::any_of(set_.rules.begin(), set_.rules.end(), is);
    };
    if (set_.rules.size() > 1) {
      notes_.emplace_back(
          "several RRULE: RFC 5545 advises against it, some programs read only one");
    }
    if (!set_.exclude_rules.empty()) {
      notes_.emplace_back("EXRULE is of RFC 2445 and ignored by most programs");
    }
    if (any([](const Rule& rule) { return rule.skip() != Skip::omit; })) {
      notes_.emplace_back("RSCALE and SKIP are of RFC 7529 and unknown to many programs");
    }
    if (any([](const Rule& rule) { return rule.frequency() < Frequency::daily; })) {
      notes_.emplace_back("many calendars do not take rules that repeat within a day");
    }
  }

  // Dates without a time fit no DTSTART that has one: RDATE takes the start's time of day, EXDATE
  // each occurrence of the day.
  void expand_days() {
    for (DateValue& value : set_.dates) {
      if (const auto* day = std::get_if<date::local_days>(&value)) {
        value = *day + (start_ - date::floor<date::days>(start_));
      }
    }
    RecurrenceSet included = set_;
    included.exclude_dates.clear();
    std::vector<DateValue> excluded;
    for (const DateValue& value : set_.exclude_dates) {
      const auto* day = std::get_if<date::local_days>(&value);
      if (day == nullptr) {
        excluded.push_back(value);
      } else if (const auto all = compile(included)) {
        // A day of wall clock lies within these instants in every zone.
        const sys_seconds from{day->time_since_epoch() - date::days{2}};
        const auto of_day = [&](const Occurrence& o) {
          return date::floor<date::days>(o.nominal) == *day;
        };
        const auto near = all->between(from, from + date::days{5}, kDayOccurrencesMax * 5);
        for (const Occurrence& o : near) {
          if (of_day(o)) excluded.emplace_back(o.nominal);
        }
        if (near.size() == kDayOccurrencesMax * 5) {
          notes_.emplace_back("EXDATE of a whole day: too many occurrences, not all are left out");
        }
      }
    }
    set_.exclude_dates = std::move(excluded);
  }

  // Others count DTSTART as an occurrence, whatever the rule says.
  void name_start(const Recurrence& all) {
    const auto at_start = all.between(instant_, instant_ + seconds{1}, 1);
    if (!at_start.empty()) return;
    const bool one_rule =
        set_.rules.size() == 1 && set_.rules[0].skip() == Skip::omit && set_.exclude_rules.empty();
    if (one_rule) {
      // The rule's first occurrence has its phase and all that the rule takes from the start.
      const auto of_rule = compile({set_.rules, {}, {}, {}});
      const auto first = of_rule ? of_rule->first() : std::nullopt;
      // Nothing comes before DTSTART, so that an earlier RDATE keeps it where it is.
      const auto earliest = all.first();
      if (first && (!earliest || earliest->instant >= first->instant)) {
        start_ = first->nominal;
        return;
      }
    }
    set_.exclude_dates.emplace_back(start_);
    const bool counted = std::any_of(set_.rules.begin(), set_.rules.end(),
                                     [](const Rule& rule) { return rule.count().has_value(); });
    if (counted) notes_.emplace_back("programs that count the excluded DTSTART run one time less");
  }

  // UNTIL as an instant: in a fold the second reading, in a gap the offset before, so that no
  // occurrence up to it is lost.
  [[nodiscard]] std::string text(const Rule& rule) const {
    RuleParts parts = rule.parts();
    if (parts.until && !std::holds_alternative<sys_seconds>(*parts.until)) {
      const auto* day = std::get_if<date::local_days>(&*parts.until);
      const local_seconds local = day != nullptr ? *day + date::days{1} - seconds{1}
                                                 : std::get<local_seconds>(*parts.until);
      parts.until = zone_->resolve(local).later;
    }
    return to_string(Rule::make(std::move(parts)).value());
  }

  // One property for each zone that the times are written in.
  void add_times(icalcomponent* event,
                 const std::string& name,
                 const std::vector<DateValue>& times) {
    std::map<std::string, std::set<std::string>> values;
    for (const DateValue& value : times) {
      auto [zone, text] = written(value);
      values[zone].insert(std::move(text));
    }
    for (const auto& [zone, texts] : values) {
      std::string list;
      for (const std::string& text : texts) list += (list.empty() ? "" : ",") + text;
      icalproperty* property = ical::verbatim(name, list);
      if (zone != "UTC") icalproperty_add_parameter(property, icalparameter_new_tzid(zone.c_str()));
      add(event, property);
    }
  }

  // Zone and text.
  std::pair<std::string, std::string> written(const DateValue& value) {
    if (const auto* instant = std::get_if<sys_seconds>(&value)) {
      return {"UTC", to_string(Until{*instant})};
    }
    const auto* zoned = std::get_if<ZonedTime>(&value);
    const auto zone = zoned == nullptr ? zone_ : zones_.find(zoned->zone).value();
    const local_seconds local = zoned == nullptr ? std::get<local_seconds>(value) : zoned->local;
    used_.use(zone, start_instant(local, *zone));
    return {zone->name(), to_string(Until{local}) + (zone->name() == "UTC" ? "Z" : "")};
  }

  const CalendarEntry& entry_;
  const ZoneDatabase& zones_;
  UsedZones& used_;
  std::vector<std::string>& notes_;
  std::shared_ptr<const TimeZone> zone_;
  RecurrenceSet set_;
  local_seconds start_;
  sys_seconds instant_;  // of the entry's own start
};

}  // namespace

Result<CalendarText> write_calendar(std::span<const CalendarEntry> entries,
                                    const ZoneDatabase& zones,
                                    sys_seconds stamp) {
  CalendarText result;
  UsedZones used;
  std::vector<ical::ComponentPtr> events;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::vector<std::string> notes;
    auto event = EventWriter(entries[i], zones, used, notes).write(stamp);
    if (!event) {
      ParseError error = event.error();
      error.detail = "entry " + std::to_string(i) + " (" + entries[i].uid + "): " + error.detail;
      return error;
    }
    events.push_back(*std::move(event));
    for (std::string& note : notes) result.notes.push_back({i, std::move(note)});
  }
  const ical::ComponentPtr calendar(icalcomponent_new_vcalendar());
  add(calendar.get(), icalproperty_new_version("2.0"));
  add(calendar.get(), icalproperty_new_prodid("-//rruled//rruled//EN"));
  add(calendar.get(), icalproperty_new_calscale("GREGORIAN"));
  used.add_to(calendar.get());
  for (auto& event : events) icalcomponent_add_component(calendar.get(), event.release());
  result.text = ical::TextPtr(icalcomponent_as_ical_string_r(calendar.get())).get();
  return result;
}

}  // namespace rruled::rrule
