#include "daemon/cli/schedule_fields.h"

#include "daemon/cli/arguments.h"
#include "daemon/core/schedule_json.h"
#include "daemon/core/time_text.h"
#include "rrule/cron.h"
#include "store/types.h"

#include <utility>

namespace rruled::cli {
namespace {

namespace json = boost::json;

constexpr const char* kNone = "none";  // takes the value away; no calendar has this name
constexpr const char* kOnce = "FREQ=DAILY;COUNT=1";

std::string rule_of_cron(const std::string& expression) {
  const auto cron = rrule::parse_cron(expression);
  if (!cron)
    throw Failure(kRefused, "cron: " + cron.error().detail + " (at character " +
                                std::to_string(cron.error().offset) + ")");
  return cron->recurrence;
}

json::object object_of_file(Session& session, const std::string& file) {
  json::value value = session.read_json(file);
  if (!value.is_object()) throw Failure(kRefused, "the file must hold one JSON object");
  if (const auto unknown = core::unknown_schedule_keys(value.get_object()); !unknown.empty())
    throw Failure(core::FieldError{unknown.front(), "invalid_input", "Unknown field."});
  return std::move(value.get_object());
}

void set_texts(json::object& object, const ScheduleFields& fields) {
  const std::pair<const char*, const std::string*> texts[] = {
      {"rrule", &fields.rrule},
      {"timezone", &fields.timezone},
      {"starts_at_local", &fields.starts_at_local},
      {"dst_gap", &fields.dst_gap},
      {"dst_fold", &fields.dst_fold},
      {"catchup", &fields.catchup},
      {"catchup_grace", &fields.catchup_grace},
      {"catchup_window", &fields.catchup_window},
      {"overlap", &fields.overlap},
      {"jitter", &fields.jitter},
      {"late_after", &fields.late_after},
      {"timeout", &fields.timeout},
      {"executor", &fields.executor},
      {"calendar", &fields.calendar},
      {"calendar_action", &fields.calendar_action}};
  for (const auto& [key, text] : texts)
    if (!text->empty()) object[key] = *text;
  if (fields.note) object["note"] = *fields.note;
  if (fields.calendar == kNone) object["calendar"] = nullptr;
  if (fields.timeout == kNone) object["timeout"] = nullptr;
  if (fields.max_attempts > 0) {
    auto& retry = object["retry"];
    if (!retry.is_object()) retry = json::object();
    retry.get_object()["max_attempts"] = fields.max_attempts;
  }
  if (fields.max_running > 0) object["max_running"] = fields.max_running;
  if (fields.pause_after_failures == 0) object["pause_after_failures"] = nullptr;
  if (fields.pause_after_failures > 0) object["pause_after_failures"] = fields.pause_after_failures;
}

}  // namespace

void add_schedule_fields(CLI::App* command, ScheduleFields& fields) {
  auto* rule = command->add_option("--rrule", fields.rrule,
                                   "RRULE, or lines of RRULE, RDATE, EXDATE, EXRULE");
  auto* cron =
      command->add_option("--cron", fields.cron, "A cron expression instead")->excludes(rule);
  command->add_option("--at", fields.at, "Once, at this time")
      ->type_name("TIME")
      ->excludes(rule)
      ->excludes(cron);
  auto* start = command->add_option("--starts-at", fields.starts_at, "First instant (default: now)")
                    ->type_name("TIME");
  command->add_option("--starts-at-local", fields.starts_at_local, "The same as wall-clock time")
      ->type_name("TIME")
      ->excludes(start);
  command->add_option("--timezone", fields.timezone, "IANA name (default: UTC)");
  command->add_option("--variables", fields.variables, "JSON object, given to every run")
      ->type_name("JSON");
  command->add_option("--var", fields.var, "One variable, a text; may be given again")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  add_words<store::DstGap>(command, "--dst-gap", fields.dst_gap, "A wall time that does not exist");
  add_words<store::DstFold>(command, "--dst-fold", fields.dst_fold, "A wall time that comes twice");
  add_words<store::CatchupPolicy>(command, "--catchup", fields.catchup,
                                  "Which missed occurrences still run");
  command->add_option("--catchup-grace", fields.catchup_grace, "Merely late until then (60s)");
  command->add_option("--catchup-window", fields.catchup_window, "Never run when older (24h)");
  add_words<store::OverlapPolicy>(command, "--overlap", fields.overlap,
                                  "When the run before has not ended");
  command->add_option("--max-running", fields.max_running, "Runs at one time, for --overlap (1)")
      ->check(positive());
  command->add_option("--jitter", fields.jitter, "Spread by up to this (0s)");
  command->add_option("--late-after", fields.late_after, "Later than this counts as late (60s)");
  command
      ->add_option("--pause-after-failures", fields.pause_after_failures,
                   "Paused after so many failed runs in a row; 0: never (0)")
      ->check(not_negative());
  command
      ->add_option("--max-attempts", fields.max_attempts,
                   "Tries of one run, the first included (15)")
      ->check(positive());
  command->add_option("--timeout", fields.timeout, "Of one attempt; none: the executor's");
  command->add_option("--executor", fields.executor, "Where runs go: [executors.NAME] (default)");
  command->add_option("--calendar", fields.calendar,
                      "Days on which it does not run: a calendar's name; none takes it away");
  add_words<store::CalendarAction>(command, "--calendar-action", fields.calendar_action,
                                   "What becomes of an occurrence on such a day");
  command->add_option("--note", fields.note, "For people");
  command->add_option("--file", fields.file, "A JSON object with any fields; - is stdin")
      ->type_name("FILE|-");
}

json::object variables_argument(const std::string& text) {
  auto value = core::parse_json(text);
  if (!value) throw Failure(kUsage, "--variables: not JSON: " + value.error().detail);
  if (!value->is_object()) throw Failure(kUsage, "--variables: must be a JSON object");
  return std::move(value->get_object());
}

void overlay_variables(json::object& onto, const std::vector<std::string>& assignments) {
  for (const auto& each : assignments) {
    const auto equals = each.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw Failure(kUsage, "--var: must be KEY=VALUE, not \"" + each + "\"");
    onto[each.substr(0, equals)] = each.substr(equals + 1);
  }
}

json::object schedule_object(Session& session,
                             const ScheduleFields& fields,
                             bool is_new,
                             const std::string& stored_zone) {
  json::object object = fields.file.empty() ? json::object() : object_of_file(session, fields.file);
  set_texts(object, fields);
  refuse_cron(fields.rrule);
  if (!fields.cron.empty()) object["rrule"] = rule_of_cron(fields.cron);
  std::string start = fields.starts_at;
  std::string option = "--starts-at";
  if (!fields.at.empty()) {
    object["rrule"] = kOnce;
    if (!start.empty() || !fields.starts_at_local.empty())
      throw Failure(kUsage, "--at is the start: leave --starts-at out");
    start = fields.at;
    option = "--at";
  }
  if (is_new && !object.contains("rrule"))
    throw Failure(kUsage, "give --rrule, --cron or --at: when does it run?");
  const bool starts = object.contains("starts_at") || object.contains("starts_at_local");
  if (start.empty() && is_new && !starts) start = "now";
  if (!start.empty()) {
    const std::string zone = fields.timezone.empty() ? stored_zone : fields.timezone;
    const auto time = time_argument(option, start, zone_of(session, zone), session.now());
    if (!fields.at.empty() && time <= session.now())
      throw Failure(kUsage, "--at: must be in the future, not " + core::iso_microseconds(time));
    object["starts_at"] = core::iso_microseconds(time);
  }
  if (!fields.variables.empty() || !fields.var.empty()) {
    json::object variables;
    if (!fields.variables.empty()) variables = variables_argument(fields.variables);
    overlay_variables(variables, fields.var);
    object["variables"] = std::move(variables);
  }
  return object;
}

}  // namespace rruled::cli
