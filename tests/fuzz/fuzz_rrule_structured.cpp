// Rules made of the fuzzer's numbers, in zones with changes of the clock: whatever they are,
// answers come within a budget of steps, strictly increase, and are the same forward, back, sought
// and counted.
#include "rrule/occurrence.h"
#include "rrule/zone_database.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace {

using namespace rruled::rrule;

// Out of bytes, it gives zeros.
class Numbers {
 public:
  Numbers(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), left_(size) {}

  // low and high inclusive.
  int pick(int low, int high) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4 && (i == 0 || high - low > (1 << (8 * i)) - 1); ++i) {
      value = value << 8 | next();
    }
    return low + static_cast<int>(value % (static_cast<std::uint32_t>(high - low) + 1));
  }
  bool flag() { return (next() & 1) != 0; }

  std::vector<int> list(int low, int high, bool negative) {
    std::vector<int> values;
    for (int i = pick(0, 7) - 3; i > 0; --i) {
      const int value = pick(low, high);
      values.push_back(negative && flag() ? -value : value);
    }
    return values;
  }

 private:
  std::uint8_t next() {
    if (left_ == 0) return 0;
    --left_;
    return *bytes_++;
  }
  const std::uint8_t* bytes_;
  std::size_t left_;
};

RuleParts rule_parts(Numbers& numbers) {
  RuleParts parts;
  parts.frequency = static_cast<Frequency>(numbers.pick(0, 6));
  parts.interval = static_cast<std::uint32_t>(numbers.flag() ? numbers.pick(1, 2'147'483'647)
                                                             : numbers.pick(1, 9));
  if (numbers.flag()) parts.count = static_cast<std::uint32_t>(numbers.pick(1, 2'147'483'647));
  if (!parts.count && numbers.flag())
    parts.until = sys_seconds{seconds{numbers.pick(0, 2'147'483'647)}};
  parts.by_second = numbers.list(0, 60, false);
  parts.by_minute = numbers.list(0, 59, false);
  parts.by_hour = numbers.list(0, 23, false);
  for (int i = numbers.pick(0, 7) - 4; i > 0; --i) {
    parts.by_day.push_back(
        {numbers.flag() ? numbers.pick(-53, 53) : 0, static_cast<Weekday>(numbers.pick(0, 6))});
  }
  parts.by_monthday = numbers.list(1, 31, true);
  parts.by_yearday = numbers.list(1, 366, true);
  parts.by_weekno = numbers.list(1, 53, true);
  parts.by_month = numbers.list(1, 12, false);
  parts.by_setpos = numbers.list(1, 366, true);
  parts.wkst = static_cast<Weekday>(numbers.pick(0, 6));
  parts.skip = static_cast<Skip>(numbers.pick(0, 2));
  return parts;
}

std::shared_ptr<const TimeZone> zone(int index) {
  static const ZoneDatabase database(RRULED_SOURCE_DIR "/tests/data/zoneinfo-2025b");
  constexpr std::array<const char*, 5> kNames{"UTC", "America/New_York", "Pacific/Apia",
                                              "Australia/Lord_Howe", "Africa/Casablanca"};
  return database.find(kNames[static_cast<std::size_t>(index)]).value();
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Numbers numbers(bytes, size);
  const sys_seconds start{seconds{numbers.pick(0, 2'147'483'647)}};
  const auto in = zone(numbers.pick(0, 4));
  const DstPolicy policy{static_cast<GapPolicy>(numbers.pick(0, 1)),
                         static_cast<FoldPolicy>(numbers.pick(0, 3))};
  auto rule = Rule::make(rule_parts(numbers));
  if (!rule) return 0;
  const auto compiled =
      Recurrence::compile(RecurrenceSet{{*std::move(rule)}, {}, {}, {}}, start, in, policy);
  require(compiled.has_value());

  OccurrenceIterator iterator(*compiled);
  sys_seconds last = start - seconds{1};
  std::uint64_t seen = 0;
  for (; seen < 30; ++seen) {
    const auto next = iterator.next();
    require(!iterator.exhausted());
    if (!next) break;
    require(next->instant > last);
    require(compiled->next(last) == next);
    require(compiled->previous(next->instant + seconds{1}) == next);
    last = next->instant;
  }
  require(compiled->count(start, last + seconds{1}) == seen);
  return 0;
}
