#pragma once

#include "rrule/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The skeleton of an iCalendar text: unfolded content lines (RFC 5545 3.1) by component, each with
// its place, which libical does not keep.
namespace rruled::rrule::ical {

struct Line {
  std::size_t number = 0;  // of its first physical line, from 1
  std::size_t offset = 0;  // bytes from the start of the text
  std::string text;        // without line breaks

  [[nodiscard]] std::string name() const;        // upper case, up to ":" or ";"
  [[nodiscard]] std::string_view value() const;  // after the ":" that is not within quotes
};

struct Component {
  std::string name;  // upper case
  Line begin;
  std::optional<std::size_t> parent;  // index into the list
  std::vector<Line> lines;            // its own, not those of components inside

  // The first line of that name, or nullptr.
  [[nodiscard]] const Line* find(std::string_view line_name) const;
};

// All components in the order of their BEGIN. Errors: a byte 0, lines outside components, END that
// does not fit, a missing END, nesting deeper than 8.
[[nodiscard]] Result<std::vector<Component>> components(std::string_view text);

}  // namespace rruled::rrule::ical
