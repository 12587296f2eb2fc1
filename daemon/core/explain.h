#pragma once

#include "daemon/core/timetable.h"
#include "store/store.h"

#include <boost/json/object.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What happened, or will, at each occurrence of a schedule around a time, and why: from the ledger
// where it says so, from the engine otherwise. Pure.
namespace rruled::core {

// The outcome of one occurrence in one word; `text` says the rest.
enum class Outcome {
  ran,        // a run that completed
  failed,     // a run that failed or is dead
  cancelled,  // a run that was ended by a person or by overlap
  under_way,  // a run that has not ended
  skipped,    // decided against: overlap, calendar
  gap,        // passed while nobody could or should fire
  due,        // should have run by now
  ahead,      // will run
  never,      // ahead, but will not run as things are
  unknown     // no row says: before the schedule, or rows are no longer kept
};

struct Explained {
  rrule::Occurrence occurrence;
  Timestamp due_at;
  Outcome outcome = Outcome::unknown;
  std::string text;  // a sentence without a full stop
  std::optional<store::RunId> run;
  std::string moved;  // by which change of the clock, or which calendar; empty: neither
};

// What is known of the schedule.
struct ExplainSource {
  const store::Schedule& schedule;
  std::string flow_silent{};  // why_it_cannot_fire() of its flow
  std::optional<store::Project> project{};
  std::vector<store::Run> runs{};  // at least those of the schedule in explain_span()
  std::map<store::RunId, std::vector<store::Attempt>> attempts{};
  std::vector<store::Gap> gaps{};
  // Whether its project may use the executor in the configuration here; empty: not known.
  std::function<bool(std::string_view executor)> has_executor{};
};

// From the first to the last instant that explain() will speak of, both inclusive: `around`
// occurrences before `at` and as many from `at` on, those that the calendar leaves out among them.
struct Span {
  Instant from;
  Instant to;
};
inline constexpr std::size_t kAroundMax = 100;
[[nodiscard]] Span explain_span(const Timetable& timetable, Instant at, std::size_t around);

// In order of time: what the rule names, and what the ledger has although the rule, as it is now,
// names it no more.
[[nodiscard]] std::vector<Explained> explain(const ExplainSource& source,
                                             const Timetable& timetable,
                                             Span span,
                                             Timestamp now);

// {"scheduled_for","due_at","local","offset","outcome","text","run","moved"}
[[nodiscard]] boost::json::object to_json(const Explained& explained);
[[nodiscard]] std::string_view word(Outcome outcome);

}  // namespace rruled::core
