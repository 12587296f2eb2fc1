#include "daemon/core/excluded_days.h"

#include "daemon/core/control_characters.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/time_text.h"
#include "rrule/occurrence.h"
#include "rrule/parse.h"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <utility>

namespace rruled::core {
namespace {

namespace json = boost::json;
using date::local_days;
using std::chrono::floor;

constexpr local_days kFirst{date::year{1970} / 1 / 1};
constexpr local_days kLast{date::year{2200} / 12 / 31};
constexpr std::int64_t kRuleDaysMax = 366;
// Days that all rules of a calendar are asked for, those of a rule with several lines once for each
// line: a calendar is compiled where schedules fire, and must not hold them up. Thirteen rules of
// every day, or five thousand of one day in a year, until 2200.
constexpr std::int64_t kWorkMax = 1'000'000;
constexpr std::string_view kDefaultStart = "2000-01-01";
constexpr std::array<std::string_view, 4> kRuleKeys{"rrule", "starts_on", "timezone", "days"};

std::optional<local_days> parse_day(std::string_view text) {
  if (text.size() != kDefaultStart.size()) return std::nullopt;
  const auto time = parse_time(text);
  const auto* local = time ? std::get_if<rrule::local_seconds>(&*time) : nullptr;
  if (local == nullptr) return std::nullopt;
  const auto day = floor<date::days>(*local);
  return day < kFirst || day > kLast ? std::nullopt : std::optional<local_days>(day);
}

// One rule with all that is known of it.
struct Rule {
  std::string rrule;
  std::string starts_on{kDefaultStart};
  std::string timezone = "UTC";
  int days = 1;
};

FieldResult<Rule> read_rule(const json::value& value, const std::string& attr) {
  Rule rule;
  if (const auto* text = value.if_string()) {
    rule.rrule = std::string(*text);
  } else if (const auto* object = value.if_object()) {
    FieldReader fields(*object, attr);
    fields.text("rrule", rule.rrule, {.required = true});
    fields.text("starts_on", rule.starts_on, {});
    fields.text("timezone", rule.timezone, {.length_max = 64});
    fields.integer("days", rule.days, 1, kRuleDaysMax);
    if (fields.failed()) return *fields.error();
    if (auto unknown = FieldReader::unknown_keys(*object, kRuleKeys, attr); !unknown.empty())
      return invalid(unknown.front(), "Unknown field.");
  } else {
    return invalid(attr, "Must be a rule: a text, or {\"rrule\", \"starts_on\"}.");
  }
  if (!parse_day(rule.starts_on))
    return invalid(join_attr(attr, "starts_on"),
                   "Must be a date between 1970 and 2200, as in 2026-12-24.");
  return rule;
}

struct CompiledRule {
  rrule::RecurrenceSet set;
  rrule::Recurrence recurrence;
};

// `steps`: the work of counting COUNTs down, of all rules of a calendar (rrule::kStepsMax).
FieldResult<CompiledRule> compile_rule(const Rule& rule,
                                       const std::string& attr,
                                       const rrule::ZoneDatabase& zones,
                                       std::int64_t& steps) {
  const auto zone = zones.find(rule.timezone);
  if (!zone)
    return FieldError{join_attr(attr, "timezone"), "invalid_input", "Invalid or unknown timezone.",
                      zone.error().detail};
  const auto refused = [&attr](const rrule::ParseError& error) {
    return invalid(join_attr(attr, "rrule"), "Invalid RRULE. " + error.detail + ".");
  };
  auto set = rrule::parse_recurrence(rule.rrule);
  if (!set) return refused(set.error());
  const auto start = rrule::start_instant(rrule::local_seconds(*parse_day(rule.starts_on)), **zone);
  const auto find_zone = [&zones](const std::string& name) { return zones.find(name); };
  // A day that the clock skips or shows twice is a day.
  auto recurrence = rrule::Recurrence::compile(*set, start, *zone, {}, find_zone, &steps);
  if (!recurrence) return refused(recurrence.error());
  return CompiledRule{std::move(*set), std::move(*recurrence)};
}

// How often a rule comes on a day, at the most that is counted.
std::int64_t times_of_day(const rrule::Rule& rule) {
  constexpr std::size_t kTimesMax = 1'000;
  if (rule.frequency() < rrule::Frequency::daily) return kTimesMax;
  std::size_t times = 1;
  for (const auto size : {rule.by_hour().size(), rule.by_minute().size(), rule.by_second().size()})
    times *= std::max<std::size_t>(1, size);
  return static_cast<std::int64_t>(std::min(times, kTimesMax));
}

// What it costs to find the first day after another one, `span` days on. What EXRULE leaves out in
// between is walked.
std::int64_t cost_of(const rrule::RecurrenceSet& set, date::days span) {
  const auto lines = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(set.rules.size() + set.exclude_rules.size()));
  if (set.exclude_rules.empty()) return lines;
  std::int64_t times = 1;
  for (const auto& rule : set.rules) times = std::max(times, times_of_day(rule));
  return lines * span.count() * times;
}

// Whether one of its rules goes on until the last year.
bool is_endless(const rrule::RecurrenceSet& set) {
  return std::ranges::any_of(set.rules,
                             [](const auto& rule) { return !rule.count() && !rule.until(); });
}

enum class Walked { all, too_much, given_up };

// Every day of the rule, one step each, however often it comes on a day. `work` is what is left of
// kWorkMax.
template <class Each>
Walked for_each_day(const CompiledRule& rule, std::int64_t& work, Each each) {
  rrule::OccurrenceIterator walk(rule.recurrence);
  const auto& zone = *rule.recurrence.zone();
  auto last = floor<date::days>(zone.to_local(rule.recurrence.starts_at())) - date::days(1);
  while (const auto occurrence = walk.next()) {
    const auto day = floor<date::days>(occurrence->local);
    work -= cost_of(rule.set, std::min(day, kLast) - last);
    if (work < 0) return Walked::too_much;
    if (day > kLast) return Walked::all;
    last = day;
    each(day);
    const auto next_day = rrule::start_instant(rrule::local_seconds(day + date::days(1)), zone);
    if (next_day - std::chrono::seconds(1) > occurrence->instant)
      walk.seek(next_day - std::chrono::seconds(1));
  }
  if (is_endless(rule.set)) work -= cost_of(rule.set, kLast - last);
  if (work < 0) return Walked::too_much;
  return walk.exhausted() ? Walked::given_up : Walked::all;
}

const json::array* array_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value ? value->if_array() : nullptr;
}

FieldResult<json::array> read_dates(const json::value& value) {
  const auto* array = value.if_array();
  if (array == nullptr) return invalid("dates", "Must be a list of dates.");
  if (array->size() > kCalendarDatesMax)
    return invalid("dates", "More than " + std::to_string(kCalendarDatesMax) + " dates.");
  std::set<local_days> days;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const auto* text = (*array)[i].if_string();
    const auto day = text ? parse_day(*text) : std::nullopt;
    if (!day)
      return invalid(join_attr("dates", i),
                     "Must be a date between 1970 and 2200, as in 2026-12-24.");
    days.insert(*day);
  }
  json::array sorted;
  for (const auto day : days) sorted.emplace_back(iso_day(day));
  return sorted;
}

FieldResult<json::array> read_rules(const json::value& value, const rrule::ZoneDatabase& zones) {
  const auto* array = value.if_array();
  if (array == nullptr) return invalid("rules", "Must be a list of rules.");
  if (array->size() > kCalendarRulesMax)
    return invalid("rules", "More than " + std::to_string(kCalendarRulesMax) + " rules.");
  json::array rules;
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string attr = join_attr("rules", i);
    auto rule = read_rule((*array)[i], attr);
    if (!rule) return rule.error();
    const auto compiled = compile_rule(*rule, attr, zones, steps);
    if (!compiled) return compiled.error();
    rules.push_back(json::object{{"rrule", to_string(compiled->set)},
                                 {"starts_on", rule->starts_on},
                                 {"timezone", rule->timezone},
                                 {"days", rule->days}});
  }
  return rules;
}

}  // namespace

void ExcludedDays::add(local_days from, local_days to) {
  from = std::max(from, kFirst);
  to = std::min(to, kLast + date::days(1));
  if (from >= to) return;
  const auto begin = (from - kFirst).count();
  const auto end = (to - kFirst).count();
  if (days_.size() < static_cast<std::size_t>(end)) days_.resize(static_cast<std::size_t>(end));
  std::fill(days_.begin() + begin, days_.begin() + end, true);
}

FieldResult<std::shared_ptr<const ExcludedDays>> ExcludedDays::compile(
    std::string_view days, const rrule::ZoneDatabase& zones) {
  const auto value = stored_json(days, nullptr);
  if (!value.is_object()) return invalid("days", "Must be an object.");
  auto result = std::make_shared<ExcludedDays>();
  if (const auto* dates = array_of(value.get_object(), "dates"))
    for (const auto& each : *dates)
      if (const auto day = each.is_string() ? parse_day(each.get_string()) : std::nullopt)
        result->add(*day, *day + date::days(1));
  if (const auto* rules = array_of(value.get_object(), "rules")) {
    std::int64_t work = kWorkMax;
    std::int64_t steps = 0;
    for (std::size_t i = 0; i < rules->size(); ++i) {
      const std::string attr = join_attr("rules", i);
      const auto rule = read_rule((*rules)[i], attr);
      if (!rule) return rule.error();
      const auto compiled = compile_rule(*rule, attr, zones, steps);
      if (!compiled) return compiled.error();
      auto added_to = kFirst;  // what a rule has added before is not added again
      const auto walked = for_each_day(*compiled, work, [&](local_days day) {
        const auto end = day + date::days(rule->days);
        result->add(std::max(day, added_to), end);
        added_to = end;
      });
      if (walked == Walked::too_much)
        return invalid(attr,
                       "With this rule the calendar has too many days to go through: give its rules"
                       " an end (UNTIL or COUNT), or dates instead.");
      if (walked == Walked::given_up)
        return invalid(join_attr(attr, "rrule"),
                       "Too many occurrences in a row are excluded: leave them out of the RRULE"
                       " itself instead of by EXRULE or EXDATE.");
    }
  }
  return std::shared_ptr<const ExcludedDays>(std::move(result));
}

bool ExcludedDays::has(local_days day) const {
  if (day < kFirst) return false;
  const auto at = static_cast<std::size_t>((day - kFirst).count());
  return at < days_.size() && days_[at];
}

std::optional<local_days> ExcludedDays::open_from(local_days day) const {
  for (; has(day); day += date::days(1)) {
  }
  return day > kLast ? std::nullopt : std::optional(day);
}

std::optional<local_days> ExcludedDays::open_to(local_days day) const {
  for (; has(day); day -= date::days(1)) {
  }
  return day < kFirst ? std::nullopt : std::optional(day);
}

std::vector<local_days> ExcludedDays::between(local_days from,
                                              local_days to,
                                              std::size_t limit) const {
  std::vector<local_days> found;
  const local_days end = std::min(to, kFirst + date::days(days_.size()));
  for (auto day = std::max(from, kFirst); day <= end && found.size() < limit; day += date::days(1))
    if (has(day)) found.push_back(day);
  return found;
}

FieldResult<store::Calendar> calendar_from_json(const json::object& object,
                                                const store::Calendar& base,
                                                bool name_required,
                                                const rrule::ZoneDatabase& zones,
                                                store::Timestamp now) {
  store::Calendar row = base;
  row.updated_at = now;
  FieldReader fields(object);
  fields.text("name", row.name, {.length_max = kCalendarNameMax, .required = name_required});
  fields.text("note", row.note, {.length_max = 1'000, .blank = true});
  if (fields.failed()) return *fields.error();
  // One that is there already keeps its name, whatever the rules were then.
  const bool is_new = base.days == store::Calendar().days;
  if (is_new && row.name.find_first_of("/\\") != std::string::npos)
    return invalid("name", "Must not have a slash, / or \\: it is part of an address.");
  if (is_new && has_control_character(row.name)) return invalid("name", kControlCharacters);
  if (row.name == "." || row.name == "..")
    return invalid("name", "Must not be . or ..: in an address they are folders.");
  if (row.name == "none") return invalid("name", "\"none\" stands for no calendar.");
  json::object days = stored_json(row.days, json::object()).as_object();
  if (const auto* dates = object.if_contains("dates")) {
    auto read = read_dates(*dates);
    if (!read) return read.error();
    days["dates"] = std::move(*read);
  }
  if (const auto* rules = object.if_contains("rules")) {
    auto read = read_rules(*rules, zones);
    if (!read) return read.error();
    days["rules"] = std::move(*read);
    if (const auto compiled = ExcludedDays::compile(json_text(days), zones); !compiled)
      return compiled.error();
  }
  for (const auto* key : {"dates", "rules"})
    if (!days.contains(key)) days[key] = json::array();
  row.days = json_text(days);
  return row;
}

json::object to_json(const store::Calendar& calendar) {
  const json::value days = stored_json(calendar.days, json::object());
  const auto part = [&](std::string_view key) {
    const auto* array = days.is_object() ? array_of(days.get_object(), key) : nullptr;
    return array ? *array : json::array();
  };
  return {{"name", calendar.name},
          {"note", calendar.note},
          {"dates", part("dates")},
          {"rules", part("rules")},
          {"created_at", iso_microseconds(calendar.created_at)},
          {"updated_at", iso_microseconds(calendar.updated_at)},
          {"version", calendar.version}};
}

}  // namespace rruled::core
