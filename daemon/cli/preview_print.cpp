#include "daemon/cli/preview.h"
#include "daemon/cli/session.h"
#include "daemon/core/time_text.h"
#include "rrule/describe.h"
#include "rrule/parse.h"

#include <ostream>
#include <queue>
#include <utility>

namespace rruled::cli {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

std::string clock_text(rrule::local_seconds local) { return core::iso_local(local).substr(11); }

std::string local_text(rrule::local_seconds local) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
  const date::weekday day(std::chrono::floor<date::days>(local));
  std::string text = core::iso_local(local);
  text[10] = ' ';
  return std::string(kDays.at(day.c_encoding())) + " " + text;
}

std::string offset_text(const rrule::Occurrence& occurrence) {
  return core::iso_offset(
      seconds(occurrence.local.time_since_epoch() - occurrence.instant.time_since_epoch()));
}

// A schedule's occurrences as a stream, for the merge.
class Stream {
 public:
  Stream(const core::Timetable& timetable, const store::Schedule& schedule, store::Instant after)
      : walk_(timetable, after), schedule_(&schedule), current_(walk_.next()) {}
  void step() { current_ = walk_.next(); }
  // It ended, but there may be more before `to`.
  [[nodiscard]] bool lost(std::optional<store::Instant> to) const {
    return !current_ && walk_.lost(to ? std::optional(*to - seconds(1)) : std::nullopt);
  }
  [[nodiscard]] const std::optional<core::PreviewItem>& current() const { return current_; }
  [[nodiscard]] const store::Schedule& schedule() const { return *schedule_; }

 private:
  core::PreviewWalk walk_;
  const store::Schedule* schedule_;
  std::optional<core::PreviewItem> current_;
};

}  // namespace

std::string note_text(const core::PreviewItem& item) {
  if (item.moved_from) return "moved by the calendar from " + local_text(*item.moved_from);
  return note_text(item.occurrence);
}

std::string note_text(const rrule::Occurrence& occurrence) {
  const std::string time = clock_text(occurrence.nominal);
  switch (occurrence.note) {
    case rrule::Note::gap_shifted:
      return "the clock skips " + time;
    case rrule::Note::fold_first:
      return "first of two " + time;
    case rrule::Note::fold_second:
      return "second of two " + time;
    case rrule::Note::none:
      break;
  }
  return {};
}

std::string rule_in_words(const store::Schedule& schedule, const rrule::ZoneDatabase& zones) {
  const auto set = rrule::parse_recurrence(schedule.rrule);
  const auto zone = zones.find(schedule.timezone);
  if (!set || !zone) return {};
  return rrule::describe(*set, (*zone)->to_local(schedule.starts_at), schedule.timezone);
}

void print_preview(std::ostream& out,
                   const core::PreviewRequest& request,
                   const core::Preview& preview,
                   store::Timestamp now) {
  const bool jittered = request.schedule.jitter > store::milliseconds::zero();
  std::vector<std::string> heads{"LOCAL TIME", "OFFSET", "UTC"};
  if (jittered) heads.emplace_back("DUE");
  heads.insert(heads.end(), {"FROM NOW", "NOTE"});
  Table table(std::move(heads));
  auto excluded = preview.excluded.begin();
  const auto add_excluded = [&](std::optional<store::Instant> before) {
    for (; excluded != preview.excluded.end() && (!before || excluded->instant < *before);
         ++excluded) {
      std::vector<std::string> row{local_text(excluded->local), offset_text(*excluded),
                                   utc_text(excluded->instant)};
      if (jittered) row.emplace_back("-");
      row.insert(row.end(), {"-", "left out by the calendar"});
      table.add(std::move(row));
    }
  };
  for (const auto& item : preview.items) {
    const auto& [occurrence, due_at, moved_from] = item;
    add_excluded(occurrence.instant);
    std::vector<std::string> row{local_text(occurrence.local), offset_text(occurrence),
                                 utc_text(occurrence.instant)};
    if (jittered) row.push_back(utc_text(due_at));
    row.insert(row.end(), {from_now(due_at, now), note_text(item)});
    table.add(std::move(row));
  }
  add_excluded(std::nullopt);
  if (!table.empty()) table.print(out);
  if (preview.excluded_before > 0)
    out << "Of what the calendar leaves out, the " << preview.excluded_before
        << " before those above are not listed.\n";
  if (preview.excluded_cut_short)
    out << "The calendar leaves out more than could be searched through: some are not listed.\n";
  if (preview.exhausted)
    out << kGaveUp << '\n';
  else if (preview.ended)
    out << (table.empty() ? "No occurrences.\n" : "Nothing follows.\n");
  else if (table.empty())
    out << "No occurrences in this time; some follow.\n";
}

void print_preview_json(std::ostream& out,
                        Format format,
                        const core::PreviewRequest& request,
                        const core::Preview& preview) {
  json::object lists = core::to_json(preview);
  json::array& occurrences = lists["occurrences"].get_array();
  if (format == Format::jsonl) return print_list(out, format, occurrences);
  const auto& schedule = request.schedule;
  json::object object{{"rrule", schedule.rrule},
                      {"starts_at", core::iso_microseconds(schedule.starts_at)},
                      {"timezone", schedule.timezone},
                      {"dst_gap", store::word(schedule.dst_gap)},
                      {"dst_fold", store::word(schedule.dst_fold)},
                      {"occurrences", std::move(occurrences)},
                      {"ended", preview.ended}};
  for (const auto* key : {"excluded", "excluded_before", "cut_short", "excluded_cut_short"})
    if (lists.contains(key)) object[key] = std::move(lists[key]);
  print_object(out, object);
}

Merged merged(const std::vector<store::Schedule>& schedules,
              const core::ScheduleRules& rules,
              store::Instant from,
              std::optional<store::Instant> to,
              std::size_t count) {
  std::vector<Stream> streams;
  for (const auto& each : schedules) {
    const auto timetable = core::Timetable::compile(each, rules.zones, rules.calendars);
    if (!timetable) continue;
    if (const auto after = core::fires_after(each, *timetable, true))
      streams.emplace_back(*timetable, each, std::max(*after, timetable->before_due(from)));
  }
  const auto later = [&](std::size_t a, std::size_t b) {
    const auto key = [&](std::size_t i) {
      return std::pair(streams[i].current()->due_at, streams[i].schedule().id);
    };
    return key(a) > key(b);
  };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> queue(later);
  Merged result;
  const auto go_on = [&](std::size_t i) {
    if (streams[i].current())
      queue.push(i);
    else if (streams[i].lost(to))
      result.lost.push_back(&streams[i].schedule());
  };
  for (std::size_t i = 0; i < streams.size(); ++i) go_on(i);
  while (!queue.empty() && result.list.size() < count) {
    const std::size_t next = queue.top();
    if (to && streams[next].current()->due_at >= *to) break;
    queue.pop();
    result.list.push_back({*streams[next].current(), &streams[next].schedule()});
    if (result.list.size() == count) break;  // what follows is not asked for
    streams[next].step();
    go_on(next);
  }
  return result;
}

}  // namespace rruled::cli
