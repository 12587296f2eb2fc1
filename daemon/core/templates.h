#pragma once

#include "store/types.h"

#include <optional>
#include <string>
#include <string_view>

// What may stand between {{ and }} in a schedule's variables and in the URL of an executor:
//
//   {{ scheduled_for }}                  2026-03-08T07:00:00Z; "now" of a manual run
//   {{ scheduled_for | %Y-%m-%d }}       in UTC
//   {{ scheduled_for_local }}            2026-03-08T09:00:00, the schedule's wall clock
//   {{ scheduled_for_local | %d.%m.%y }}
//   {{ run.id }} {{ flow.id }} {{ schedule.id }}
//
// Formats know %Y %y %m %d %H %M %S %j %u %V %G %s %%, and have at most 64 bytes; %s is the
// instant, in seconds since 1970 UTC, of both. All that is between the braces, blanks too, has at
// most 256. Anything else there is not ours and stays as it is: the flow may have templates of its
// own. No code, no nesting; pure. The time it takes grows with the length of the text, whatever is
// in it.
namespace rruled::core {

struct TemplateValues {
  store::Instant scheduled_for;
  store::Instant wall;  // what the schedule's clock shows then, as seconds since 1970 of that clock
  store::RunId run_id;
  store::FlowId flow_id;
  std::optional<store::ScheduleId> schedule_id;  // absent: reads as ""
};

// What `name`, the text between the braces, stands for; nullopt: it is not ours.
[[nodiscard]] std::optional<std::string> template_value(std::string_view name,
                                                        const TemplateValues& values);

[[nodiscard]] std::string fill_templates(std::string_view text, const TemplateValues& values);

// The same in every text of a JSON value, keys excepted.
[[nodiscard]] std::string fill_json_templates(std::string json, const TemplateValues& values);

}  // namespace rruled::core
