#pragma once

#include "daemon/cli/session.h"
#include "daemon/core/bundle.h"

#include <string>
#include <vector>

// Calendars and crontabs as bundles, and back.
namespace rruled::cli {

// What came of a foreign file: flows that can be planned, and line by line what could not be
// carried over ("line 3: dropped: ..").
struct ForeignBundle {
  core::Bundle bundle;
  std::vector<std::string> notes;
};
struct ForeignOptions {
  std::int64_t project_id = 1;
  std::string zone;  // of times that name none; empty: UTC for a crontab, none for a calendar
};

// A flow for each command, which stands in its variable `command`.
[[nodiscard]] ForeignBundle bundle_of_crontab(Session& session,
                                              const std::string& text,
                                              const ForeignOptions& options);
// A flow for each VEVENT and VTODO, named by its summary.
[[nodiscard]] ForeignBundle bundle_of_calendar(Session& session,
                                               const std::string& text,
                                               const ForeignOptions& options);

// Every usable schedule as a VEVENT named by its flow; the rest, and what other programs read
// differently, in `notes`.
[[nodiscard]] std::string calendar_of(Session& session,
                                      const std::vector<store::Flow>& flows,
                                      const std::vector<store::Schedule>& schedules,
                                      std::vector<std::string>& notes);

}  // namespace rruled::cli
