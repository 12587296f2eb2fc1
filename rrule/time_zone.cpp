#include "rrule/time_zone.h"

#include "rrule/tzif.h"

#include <limits>
#include <utility>

namespace rruled::rrule {
namespace {

constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();
constexpr int kFooterYearMax = 2201;

std::int32_t narrow(seconds offset) { return static_cast<std::int32_t>(offset.count()); }

// Both changes of each year from `first_year` on, in order. At equal instants the later year wins:
// permanent daylight time is written as a year-long one ("EST5EDT,0/0,J365/25").
std::vector<OffsetChange> rule_changes(const TzRule& rule, int first_year) {
  std::vector<OffsetChange> changes;
  for (int year = first_year; year <= kFooterYearMax; ++year) {
    const auto& [offset, starts, ends] = *rule.daylight;
    changes.push_back({(starts.in(year)-rule.standard).count(), narrow(offset)});
    changes.push_back({(ends.in(year)-offset).count(), narrow(rule.standard)});
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return changes;
}

int year_of(std::int64_t instant) {
  const auto day = date::floor<date::days>(sys_seconds{seconds{instant}});
  return static_cast<int>(date::year_month_day{day}.year());
}

// The file's own changes, then the footer's from the last of them on (RFC 8536 3.3).
std::vector<OffsetChange> all_changes(const Tzif& file, std::int64_t first) {
  std::vector<OffsetChange> changes{{kAlways, file.first_offset}};
  changes.insert(changes.end(), file.changes.begin(), file.changes.end());
  if (!file.footer) return changes;
  const std::int64_t since = changes.back().at;
  if (!file.footer->daylight) {
    changes.back().offset = narrow(file.footer->standard);
    return changes;
  }
  // Two years earlier: the change in force at `since` is among them.
  for (const auto& change : rule_changes(*file.footer, year_of(std::max(since, first)) - 2)) {
    if (change.at <= since) {
      changes.back().offset = change.offset;
    } else {
      changes.push_back(change);
    }
  }
  return changes;
}

}  // namespace

TimeZone::Axis::Axis(std::vector<Span> spans) : spans_(std::move(spans)) {
  spans_.insert(spans_.end(), kSentinels, Span{kForever, 0, 0});
  std::uint16_t current = 0;
  for (std::size_t i = 0; i < kStretches; ++i) {
    const std::int64_t start = kFirst + (static_cast<std::int64_t>(i) << kShift);
    while (spans_[current + std::size_t{1}].start <= start) ++current;
    first_in_stretch_[i] = current;
  }
}

TimeZone::TimeZone(std::string name, std::vector<Span> utc)
    : name_(std::move(name)), utc_(utc), local_(local_spans(utc)) {}

// Only what the range covers, and only where the offset changes.
std::vector<TimeZone::Span> TimeZone::utc_spans(const std::vector<OffsetChange>& changes) {
  // A day less than the axis: the wall clock of the last change must lie on it.
  constexpr std::int64_t kLast = Axis::kEnd - 2 * 86'400;
  std::vector<Span> spans;
  for (const auto& [at, offset] : changes) {
    if (at >= kLast) break;
    if (at <= Axis::kFirst) spans.clear();
    if (!spans.empty() && spans.back().start == at) spans.pop_back();
    if (!spans.empty() && spans.back().earlier == offset) continue;
    spans.push_back({spans.empty() ? kAlways : at, offset, offset * 4});
  }
  return spans;
}

// What `local` reads as: every span of the UTC axis that shows it is a reading. With none, some
// transition jumps over it.
TimeZone::Span TimeZone::read_local(const std::vector<Span>& utc, std::int64_t local) {
  constexpr std::int64_t kFarthest = 26 * 3'600;
  auto span = std::upper_bound(utc.begin() + 1, utc.end(), local - kFarthest,
                               [](std::int64_t t, const Span& s) { return t < s.start; }) -
              1;
  const auto pack = [local](std::int32_t earlier, std::int32_t later, Resolved::Kind kind) {
    return Span{local, earlier, later * 4 + static_cast<std::int32_t>(kind)};
  };
  std::array<std::int32_t, 2> readings{};
  std::size_t found = 0;
  Span gap{};
  for (; span != utc.end() && span->start <= local + kFarthest && found < 2; ++span) {
    const std::int64_t end = span + 1 == utc.end() ? kForever : span[1].start;
    const std::int64_t instant = local - span->earlier;
    if (instant >= span->start && instant < end) readings[found++] = span->earlier;
    if (span != utc.begin() && span[-1].earlier < span->earlier &&
        span->start + span[-1].earlier <= local && local < span->start + span->earlier) {
      gap = pack(span->earlier, span[-1].earlier, Resolved::Kind::gap);
    }
  }
  if (found == 0) return gap;
  if (found == 1) return pack(readings[0], readings[0], Resolved::Kind::unique);
  return pack(readings[0], readings[1], Resolved::Kind::fold);
}

// The reading can change only where a transition's wall clock, before or after it, stands.
std::vector<TimeZone::Span> TimeZone::local_spans(const std::vector<Span>& utc) {
  std::vector<std::int64_t> edges;
  for (std::size_t i = 1; i < utc.size(); ++i) {
    edges.push_back(utc[i].start + utc[i - 1].earlier);
    edges.push_back(utc[i].start + utc[i].earlier);
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<Span> local{{kAlways, utc[0].earlier, utc[0].later_times_four}};
  for (const std::int64_t edge : edges) {
    const Span next = read_local(utc, edge);
    const Span& last = local.back();
    if (next.earlier != last.earlier || next.later_times_four != last.later_times_four) {
      local.push_back(next);
    }
  }
  return local;
}

Result<std::shared_ptr<const TimeZone>> TimeZone::parse(std::string name, std::string_view bytes) {
  const auto file = parse_tzif(bytes);
  if (!file) return file.error();
  return std::shared_ptr<const TimeZone>(
      new TimeZone(std::move(name), utc_spans(all_changes(*file, Axis::kFirst))));
}

std::shared_ptr<const TimeZone> TimeZone::utc() {
  static const std::shared_ptr<const TimeZone> zone(new TimeZone("UTC", {Span{kAlways, 0, 0}}));
  return zone;
}

std::vector<TimeZone::Transition> TimeZone::transitions(sys_seconds from, sys_seconds to) const {
  std::vector<Transition> result;
  const Span* span = &utc_.at(from.time_since_epoch().count());
  for (++span; span < utc_.end() && span->start <= to.time_since_epoch().count(); ++span) {
    result.push_back(
        {sys_seconds{seconds{span->start}}, seconds{span[-1].earlier}, seconds{span->earlier}});
  }
  return result;
}

bool TimeZone::same_times(const TimeZone& other) const {
  return std::equal(
      utc_.begin(), utc_.end(), other.utc_.begin(), other.utc_.end(),
      [](const Span& a, const Span& b) { return a.start == b.start && a.earlier == b.earlier; });
}

}  // namespace rruled::rrule
