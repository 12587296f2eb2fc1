// Any bytes as a recurrence: no crash, bounded time, canonical text that reads back as the same
// value, and occurrences that strictly increase.
#include "rrule/occurrence.h"
#include "rrule/parse.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace rruled::rrule;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto set = parse_recurrence(text);
  if (!set) {
    require(set.error().offset <= size && !set.error().detail.empty());
    return 0;
  }
  const auto printed = to_string(*set);
  const auto again = parse_recurrence(printed);
  // The canonical form may be a little longer than what it came from.
  require(again.has_value() ? *again == *set : printed.size() > kTextMax);

  const sys_seconds start{seconds{1'600'000'000}};
  const auto recurrence = Recurrence::compile(*set, start, TimeZone::utc(), {});
  if (!recurrence) return 0;
  OccurrenceIterator iterator(*recurrence);
  sys_seconds last = start - seconds{1};
  for (int i = 0; i < 20; ++i) {
    const auto next = iterator.next();
    if (!next) break;
    require(next->instant > last);
    require(recurrence->next(last) == next);
    last = next->instant;
  }
  return 0;
}
