#pragma once

#include "daemon/cli/session.h"
#include "daemon/core/bundle.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

// Calendars and crontabs as bundles, and back.
namespace rruled::cli {

// What came of a foreign file: flows of one schedule each, and line by line what could not be
// carried over ("line 3: dropped: ..").
//
// The ids are made of the project, the kind of file, its source and what an entry is known by: the
// UID of a calendar's, the command of a crontab's (and its user), and which one of its like it is.
// So a file that comes in again is known again.
struct ForeignBundle {
  core::Bundle bundle{};  // whole, for what is new
  core::Bundle said{};    // of the same entries only what the file itself says
  std::vector<std::string> notes{};
  std::size_t dropped = 0;                         // lines of which nothing came
  std::size_t altered = 0;                         // lines that came in as something less
  std::vector<std::vector<store::FlowId>> next{};  // what more entries of each like would be, a few
  std::set<store::ScheduleId> without_zone{};      // neither file nor options say one: UTC
};
struct ForeignOptions {
  std::string from;  // "ics", "crontab" or "system-crontab"
  std::int64_t project_id = 1;
  std::string zone;    // of times that name none; empty: UTC for a crontab, none for a calendar
  std::string source;  // tells files of the same kind apart that have entries alike
};

// A flow for each command, which stands in its variable `command`, and a system crontab's user in
// `user`. A new one that had input after % is paused; one that is not UTF-8 is dropped. Throws
// Failure 1 for what looks like a system crontab and is not said to be one.
[[nodiscard]] ForeignBundle bundle_of_crontab(Session& session,
                                              const std::string& text,
                                              const ForeignOptions& options);
// A flow for each VEVENT and VTODO, named by its summary.
[[nodiscard]] ForeignBundle bundle_of_calendar(Session& session,
                                               const std::string& text,
                                               const ForeignOptions& options);
// The zone of this machine's wall clock, which cron goes by, from `etc`/localtime; empty: it is
// UTC, or nobody knows.
[[nodiscard]] std::string zone_of_machine(const std::filesystem::path& etc = "/etc");
// Whether it has the variable in which an imported command stands.
[[nodiscard]] bool has_command(const store::Flow& flow);
// What becomes of a command whose runs go to this executor, as the configuration here has it.
enum class CommandFate {
  runs,
  logged,  // type log: only a line is written, and the run is completed
  waits,   // there is no such executor
};
[[nodiscard]] CommandFate fate_of_command(Session& session, const std::string& executor);
// The bundle for a store that holds `stored`: what exists keeps all that such a file does not say.
[[nodiscard]] core::Bundle over_stored(const ForeignBundle& foreign,
                                       const core::StoredRows& stored);

// Every usable schedule as a VEVENT named by its flow; the rest, what such a file cannot say of the
// times, and what other programs read differently, in `notes`.
[[nodiscard]] std::string calendar_of(Session& session,
                                      const std::vector<store::Flow>& flows,
                                      const std::vector<store::Schedule>& schedules,
                                      std::vector<std::string>& notes);

}  // namespace rruled::cli
