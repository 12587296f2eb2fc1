#include "daemon/io/calendar_finder.h"

#include <map>
#include <memory>
#include <utility>

namespace rruled::io {

core::CalendarFinder calendar_finder(store::Directory& directory,
                                     const rrule::ZoneDatabase& zones) {
  using Days = std::shared_ptr<const core::ExcludedDays>;
  auto known = std::make_shared<std::map<store::CalendarName, Days>>();
  return [&directory, &zones, known](std::int64_t project, const std::string& name) -> Days {
    const store::CalendarName key{project, name};
    if (const auto found = known->find(key); found != known->end()) return found->second;
    Days days;
    if (const auto calendar = directory.calendar(key))
      if (auto compiled = core::ExcludedDays::compile(calendar->days, zones))
        days = std::move(*compiled);
    return known->emplace(key, std::move(days)).first->second;
  };
}

}  // namespace rruled::io
