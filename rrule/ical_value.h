#pragma once

#include <libical/ical.h>

#include <memory>
#include <string>

// Owners of libical's objects and strings.
namespace rruled::rrule::ical {

struct Free {
  void operator()(icalcomponent* component) const { icalcomponent_free(component); }
  void operator()(icalproperty* property) const { icalproperty_free(property); }
  void operator()(char* text) const { icalmemory_free_buffer(text); }
};

using PropertyPtr = std::unique_ptr<icalproperty, Free>;
using ComponentPtr = std::unique_ptr<icalcomponent, Free>;
using TextPtr = std::unique_ptr<char, Free>;

// A property whose value is printed as it is: libical would read a rule with its own parser, which
// does not know RSCALE and cuts INTERVAL to 16 bits.
inline icalproperty* verbatim(const std::string& name, const std::string& value) {
  icalproperty* property = icalproperty_new_x(value.c_str());
  icalproperty_set_x_name(property, name.c_str());
  return property;
}

}  // namespace rruled::rrule::ical
