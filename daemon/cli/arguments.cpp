#include "daemon/cli/arguments.h"

#include "daemon/core/property_filter.h"
#include "rrule/cron.h"

namespace rruled::cli {
namespace {

// CLI11's own say "not in range 1.000000 to 1797..(309 digits)".
CLI::Validator at_least(std::int64_t least, const std::string& name) {
  return {[least](std::string& text) {
            std::int64_t value = 0;
            if (CLI::detail::lexical_cast(text, value) && value >= least) return std::string();
            return "must be a whole number, " + std::to_string(least) + " or more; not \"" + text +
                   "\"";
          },
          name};
}

}  // namespace

CLI::Validator positive() { return at_least(1, "POSITIVE"); }

CLI::Validator not_negative() { return at_least(0, "NONNEGATIVE"); }

const rrule::TimeZone& zone_of(Session& session, const std::string& name) {
  const auto zone = session.zones().find(name);
  if (!zone) throw Failure(kRefused, "timezone: " + zone.error().detail);
  return **zone;
}

namespace {

store::Timestamp read_time(const std::string& option,
                           const std::string& text,
                           const rrule::TimeZone& zone,
                           store::Timestamp now,
                           const char* other_forms) {
  using std::chrono::seconds;
  if (text == "now") return std::chrono::floor<seconds>(now) + seconds(1);
  const auto time = core::parse_time(text);
  if (!time && time.error().detail.starts_with("names "))
    throw Failure(kUsage, option + ": " + time.error().detail);
  if (!time)
    throw Failure(kUsage, option + ": " + time.error().detail + ", or wall-clock time of " +
                              zone.name() + ", or now" + other_forms + "; not \"" + text + "\"");
  return core::instant_of(*time, zone);
}

}  // namespace

store::Timestamp time_argument(const std::string& option,
                               const std::string& text,
                               const rrule::TimeZone& zone,
                               store::Timestamp now) {
  return read_time(option, text, zone, now, "");
}

store::Timestamp past_argument(const std::string& option,
                               const std::string& text,
                               const rrule::TimeZone& zone,
                               store::Timestamp now) {
  if (text.starts_with('-'))
    if (const auto ago = core::relative_time(text, now)) return *ago;
  return read_time(option, text, zone, now, ", or so long ago, as -24h, -7d or -1m (a month)");
}

void refuse_cron(const std::string& text) {
  if (rrule::parse_cron(text))
    throw Failure(kUsage, "that looks like a cron expression: --cron '" + text + "'");
}

std::optional<store::Timestamp> utc_argument(const std::string& option,
                                             const std::string& text,
                                             store::Timestamp now) {
  if (text.empty()) return std::nullopt;
  if (const auto ago = core::relative_time(text, now)) return ago;
  return past_argument(option, text, *rrule::TimeZone::utc(), now);
}

CLI::Option* add_past_time(CLI::App* command,
                           const std::string& name,
                           std::string& target,
                           const std::string& summary) {
  return command
      ->add_option(name, target, summary + "; so long ago: -24h, -7d, -2w, -1m (a month), -1y")
      ->type_name("TIME");
}

}  // namespace rruled::cli
