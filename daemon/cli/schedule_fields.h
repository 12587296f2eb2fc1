#pragma once

#include "daemon/cli/session.h"

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace rruled::cli {

// Options that say what a schedule is; the same for create and update.
struct ScheduleFields {
  std::string rrule, cron, at, starts_at, starts_at_local, timezone, variables, file;
  std::vector<std::string> var;
  std::string dst_gap, dst_fold, catchup, catchup_grace, catchup_window, overlap, jitter,
      late_after, timeout, executor, calendar, calendar_action;
  std::optional<std::string> note;  // empty: taken away
  int max_running = 0;
  int max_attempts = 0;
  int pause_after_failures = -1;  // not given
};
void add_schedule_fields(CLI::App* command, ScheduleFields& fields);

// The Schedule object that they describe. A new one starts now unless it says otherwise; wall-clock
// times are read in its zone, for an update in `stored_zone`.
[[nodiscard]] boost::json::object schedule_object(Session& session,
                                                  const ScheduleFields& fields,
                                                  bool is_new,
                                                  const std::string& stored_zone);

// "key=value" options as an object of texts. Throws Failure 2.
void overlay_variables(boost::json::object& onto, const std::vector<std::string>& assignments);
[[nodiscard]] boost::json::object variables_argument(const std::string& text);

}  // namespace rruled::cli
