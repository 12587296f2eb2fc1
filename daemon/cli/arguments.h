#pragma once

#include "daemon/cli/session.h"
#include "daemon/core/time_text.h"
#include "rrule/time_zone.h"
#include "store/words.h"

#include <CLI/CLI.hpp>

#include <string>

// Values of options, as several commands take them.
namespace rruled::cli {

// The zone with this name. Throws Failure 1.
[[nodiscard]] const rrule::TimeZone& zone_of(Session& session, const std::string& name);

// A time: ISO 8601 with Z or an offset, wall-clock time of `zone`, or "now" (the whole second that
// comes next, so that what starts now is still ahead). Throws Failure 2 naming the option.
[[nodiscard]] store::Timestamp time_argument(const std::string& option,
                                             const std::string& text,
                                             const rrule::TimeZone& zone,
                                             store::Timestamp now);

// The same, or so long ago as the API takes it (-24h, -7d; -1m is a month).
[[nodiscard]] store::Timestamp past_argument(const std::string& option,
                                             const std::string& text,
                                             const rrule::TimeZone& zone,
                                             store::Timestamp now);
// The same in UTC, without the minus sign, too; absent when the option was not given.
[[nodiscard]] std::optional<store::Timestamp> utc_argument(const std::string& option,
                                                           const std::string& text,
                                                           store::Timestamp now);
// An option for one of them, whose help names the units.
CLI::Option* add_past_time(CLI::App* command,
                           const std::string& name,
                           std::string& target,
                           const std::string& summary);

// Throws Failure 2 when what should be a rule is a cron expression.
void refuse_cron(const std::string& text);

// For check(): a whole number from 1, or from 0 on.
[[nodiscard]] CLI::Validator positive();
[[nodiscard]] CLI::Validator not_negative();

// An option whose value is one of the words of an enumeration; `target` keeps the word, "" when
// absent.
template <class Enum>
CLI::Option* add_words(CLI::App* command,
                       const std::string& name,
                       std::string& target,
                       const std::string& summary) {
  std::vector<std::string> words;
  for (const auto& each : store::kWords<Enum>) words.emplace_back(each);
  return command->add_option(name, target, summary)->check(CLI::IsMember(words));
}

inline constexpr const char* kCatchUpSummary =
    "What passed meanwhile: one gap (none), or made up for, by the schedule's own catchup (policy)"
    " or by this one";

}  // namespace rruled::cli
