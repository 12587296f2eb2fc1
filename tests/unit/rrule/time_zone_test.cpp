#include "rrule/time_zone.h"

#include "rrule/tz_rule.h"
#include "rrule/zone_database.h"
#include "tests/unit/rrule/tzif_bytes.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <tuple>

using namespace rruled::rrule;
using namespace date::literals;
using namespace std::chrono_literals;
using date::local_days;
using date::sys_days;
using rruled::test::TzifText;
using Kind = Resolved::Kind;

namespace {

std::shared_ptr<const TimeZone> zone(const std::string& name) {
  static const ZoneDatabase zones;
  return zones.find(name).value();
}

std::shared_ptr<const TimeZone> made(const TzifText& text) {
  return TimeZone::parse("Test/Made", text.bytes()).value();
}

local_seconds local(const std::string& text) {
  std::istringstream in(text);
  local_seconds result;
  in >> date::parse("%F %T", result);
  REQUIRE_FALSE(in.fail());
  return result;
}

std::string utc(sys_seconds instant) { return date::format("%F %T", instant); }

}  // namespace

TEST_CASE("a wall time is read as the zone's clock shows it") {
  const auto [name, wall, kind, earlier, later] =
      GENERATE(table<std::string, std::string, Kind, std::string, std::string>({
          {"America/New_York", "2026-03-08 01:59:59", Kind::unique, "2026-03-08 06:59:59", ""},
          {"America/New_York", "2026-03-08 02:00:00", Kind::gap, "2026-03-08 06:00:00",
           "2026-03-08 07:00:00"},
          {"America/New_York", "2026-03-08 02:30:00", Kind::gap, "2026-03-08 06:30:00",
           "2026-03-08 07:30:00"},
          {"America/New_York", "2026-03-08 03:00:00", Kind::unique, "2026-03-08 07:00:00", ""},
          {"America/New_York", "2026-11-01 00:59:59", Kind::unique, "2026-11-01 04:59:59", ""},
          {"America/New_York", "2026-11-01 01:00:00", Kind::fold, "2026-11-01 05:00:00",
           "2026-11-01 06:00:00"},
          {"America/New_York", "2026-11-01 01:59:59", Kind::fold, "2026-11-01 05:59:59",
           "2026-11-01 06:59:59"},
          {"America/New_York", "2026-11-01 02:00:00", Kind::unique, "2026-11-01 07:00:00", ""},
          // By the footer, long after the last stored change.
          {"America/New_York", "2199-03-10 02:30:00", Kind::gap, "2199-03-10 06:30:00",
           "2199-03-10 07:30:00"},
          // Winter time is the daylight time there: the first reading is the one with more offset.
          {"Europe/Dublin", "2026-10-25 01:30:00", Kind::fold, "2026-10-25 00:30:00",
           "2026-10-25 01:30:00"},
          {"Europe/Dublin", "2026-03-29 01:30:00", Kind::gap, "2026-03-29 00:30:00",
           "2026-03-29 01:30:00"},
          {"Australia/Lord_Howe", "2026-04-05 01:45:00", Kind::fold, "2026-04-04 14:45:00",
           "2026-04-04 15:15:00"},
          {"Australia/Lord_Howe", "2026-10-04 02:15:00", Kind::gap, "2026-10-03 15:15:00",
           "2026-10-03 15:45:00"},
          // Days that do not exist.
          {"Pacific/Apia", "2011-12-29 23:59:59", Kind::unique, "2011-12-30 09:59:59", ""},
          {"Pacific/Apia", "2011-12-30 02:30:00", Kind::gap, "2011-12-29 12:30:00",
           "2011-12-30 12:30:00"},
          {"Pacific/Apia", "2011-12-31 00:00:00", Kind::unique, "2011-12-30 10:00:00", ""},
          {"Pacific/Kwajalein", "1993-08-21 12:00:00", Kind::gap, "1993-08-21 00:00:00",
           "1993-08-22 00:00:00"},
          // A new base offset, no daylight time involved.
          {"America/Caracas", "2016-05-01 02:45:00", Kind::gap, "2016-05-01 06:45:00",
           "2016-05-01 07:15:00"},
          {"Asia/Pyongyang", "2018-05-04 23:45:00", Kind::gap, "2018-05-04 14:45:00",
           "2018-05-04 15:15:00"},
          // Offsets with seconds.
          {"Africa/Monrovia", "1972-01-07 00:30:00", Kind::gap, "1972-01-07 00:30:00",
           "1972-01-07 01:14:30"},
      }));
  CAPTURE(name, wall);
  const Resolved found = zone(name)->resolve(local(wall));
  CHECK(found.kind == kind);
  CHECK(utc(found.earlier) == earlier);
  CHECK(utc(found.later) == (later.empty() ? earlier : later));
}

TEST_CASE("changes nearer to each other than their size") {
  // +1 h at noon UTC, back half an hour later: 13:00 is skipped, then half of it is shown after
  // all.
  const auto twice =
      made({.offsets = {0, 3600}, .changes = {{43'200, 1}, {45'000, 0}}, .footer = "AAA0"});
  const auto at = [&](seconds wall) { return twice->resolve(local_seconds{wall}); };
  CHECK(at(12h - 1s).kind == Kind::unique);
  CHECK(at(12h + 15min).kind == Kind::gap);
  CHECK(at(12h + 15min).later == sys_seconds{12h + 15min});
  CHECK(at(12h + 45min).kind == Kind::unique);
  CHECK(at(12h + 45min).earlier == sys_seconds{12h + 45min});
  CHECK(at(13h).kind == Kind::fold);
  CHECK(at(13h + 15min).earlier == sys_seconds{12h + 15min});
  CHECK(at(13h + 15min).later == sys_seconds{13h + 15min});
  CHECK(at(13h + 30min).kind == Kind::unique);
}

TEST_CASE("every wall time's readings are exactly the instants that show it") {
  // Random changes minutes to days apart, wilder than any real zone; each wall time is searched for
  // by hand.
  std::mt19937 random(20'260'101);
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  int probes = 0;
  for (int round = 0; round < 60; ++round) {
    TzifText text;
    for (int i = 0; i < 6; ++i) text.offsets.push_back(pick(-56, 56) * 900);
    std::int64_t at = 86'400;
    for (int i = 0; i < 12; ++i) {
      text.changes.push_back({at, static_cast<std::size_t>(pick(0, 5))});
      at += pick(1, 120) * 900;
    }
    const auto wild = made(text);
    for (seconds wall = 0h; wall < seconds{at} + 24h; wall += 15min) {
      std::vector<sys_seconds> shown;
      for (seconds offset = -14h; offset <= 14h; offset += 15min) {
        const sys_seconds instant{wall + offset};
        if (wild->to_local(instant) == local_seconds{wall}) shown.push_back(instant);
      }
      const Resolved found = wild->resolve(local_seconds{wall});
      ++probes;
      CAPTURE(round, wall.count());
      if (shown.empty()) {
        REQUIRE(found.kind == Kind::gap);
        REQUIRE(found.earlier < found.later);
      } else {
        REQUIRE(found.kind == (shown.size() == 1 ? Kind::unique : Kind::fold));
        REQUIRE(found.earlier == shown[0]);
        REQUIRE(found.later == shown[shown.size() == 1 ? 0 : 1]);
      }
    }
  }
  CHECK(probes > 10'000);
}

TEST_CASE("the footer rule holds after the last stored change") {
  const auto [footer, when, offset] = GENERATE(table<std::string, sys_seconds, seconds>({
      {"UTC0", sys_days{2150_y / 7 / 1}, 0h},
      {"<-03>3", sys_days{2150_y / 7 / 1}, -3h},
      {"<+0545>-5:45", sys_days{2150_y / 7 / 1}, 5h + 45min},
      {"LMT-1:02:03", sys_days{2150_y / 7 / 1}, 1h + 2min + 3s},
      {"EST5EDT,M3.2.0,M11.1.0", sys_days{2150_y / 3 / 8} + 6h + 59min + 59s, -5h},
      {"EST5EDT,M3.2.0,M11.1.0", sys_days{2150_y / 3 / 8} + 7h, -4h},
      {"EST5EDT,M3.2.0,M11.1.0", sys_days{2150_y / 11 / 1} + 6h, -5h},
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", sys_days{2150_y / 1 / 1}, 11h},
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", sys_days{2150_y / 7 / 1}, 10h},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", sys_days{2150_y / 7 / 1}, 1h},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", sys_days{2150_y / 12 / 1}, 0h},
      {"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", sys_days{2150_y / 7 / 1}, 2h},
      // Times of day beyond a day: Thursday before the last Sunday's week, 26 h later.
      {"IST-2IDT,M3.4.4/26,M10.5.0", sys_days{2150_y / 3 / 26} + 23h + 59min, 2h},
      {"IST-2IDT,M3.4.4/26,M10.5.0", sys_days{2150_y / 3 / 27}, 3h},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", sys_days{2150_y / 3 / 29} + 59min + 59s, -2h},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", sys_days{2150_y / 3 / 29} + 1h, -1h},
      {"XXX0YYY,J59/0,J60/0", sys_days{2152_y / 2 / 28}, 1h},  // a leap year: J60 is 1 March
      {"XXX0YYY,J59/0,J60/0", sys_days{2152_y / 2 / 29} + 22h, 1h},
      {"XXX0YYY,J59/0,J60/0", sys_days{2152_y / 3 / 1}, 0h},
      {"XXX0YYY,59/0,60/0", sys_days{2152_y / 2 / 28} + 12h, 0h},  // n counts 29 February
      {"XXX0YYY,59/0,60/0", sys_days{2152_y / 2 / 29} + 12h, 1h},
      // Daylight time for ever, as RFC 8536 3.3.1 writes it.
      {"EST5EDT,0/0,J365/25", sys_days{2150_y / 1 / 1} + 5h, -4h},
      {"EST5EDT,0/0,J365/25", sys_days{2150_y / 7 / 1}, -4h},
      {"EST5EDT4,0/0,J365/25", sys_days{2200_y / 12 / 31}, -4h},
  }));
  CAPTURE(footer, utc(when));
  const auto ruled = made({.offsets = {7'200}, .footer = footer});
  CHECK(ruled->offset_at(when) == offset);
  // The same from a stored change on, which itself is left alone.
  const auto later = made({.version = '3',
                           .offsets = {25'200, 0},
                           .changes = {{sys_days{2030_y / 1 / 1}.time_since_epoch() / 1s, 1}},
                           .footer = footer});
  CHECK(later->offset_at(sys_days{2030_y / 1 / 1} - 1s) == 7h);
  CHECK(later->offset_at(when) == offset);
}

TEST_CASE("daylight time for ever has no changes") {
  CHECK(made({.offsets = {-18'000}, .footer = "EST5EDT,0/0,J365/25"})
            ->transitions(sys_days{1971_y / 1 / 1}, sys_days{2200_y / 1 / 1})
            .empty());
}

TEST_CASE("without a footer the last offset stays") {
  for (const char version : {'\0', '2', '3', '4'}) {
    const auto plain =
        made({.version = version, .offsets = {0, 3600}, .changes = {{1'000'000, 1}}});
    CHECK(plain->offset_at(sys_seconds{999'999s}) == 0h);
    CHECK(plain->offset_at(sys_seconds{1'000'000s}) == 1h);
    CHECK(plain->offset_at(sys_days{2200_y / 1 / 1}) == 1h);
  }
}

TEST_CASE("a footer rule that is not one is refused with its place") {
  const auto [rule, offset] = GENERATE(table<std::string, std::size_t>({
      {"", 0},
      {"ES5", 2},
      {"<-03", 4},
      {"EST", 3},
      {"EST25", 3},
      {"EST5:60", 5},
      {"EST5EDT", 7},
      {"EST5EDT,M3.2.0", 14},
      {"EST5EDT,M13.1.0,M11.1.0", 9},
      {"EST5EDT,M3.6.0,M11.1.0", 11},
      {"EST5EDT,M3.2.7,M11.1.0", 13},
      {"EST5EDT,M3.2.0/168,M11.1.0", 15},
      {"EST5EDT,M3.2.0/-168,M11.1.0", 16},
      {"EST5EDT,J0,J365", 9},
      {"EST5EDT,J366,J365", 9},
      {"EST5EDT,366,J365", 8},
      {"EST5EDT,M3.2.0,M11.1.0,", 22},
      {"EST99999999999", 3},
  }));
  CAPTURE(rule);
  const auto parsed = parse_tz_rule(rule);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == ErrorCode::bad_value);
  CHECK(parsed.error().offset == offset);
  CHECK(parsed.error().detail != "");
}

TEST_CASE("a damaged file is refused with its place") {
  const std::string good =
      TzifText{.offsets = {0, 3600}, .changes = {{10, 1}, {20, 0}}, .footer = "UTC0"}.bytes();
  REQUIRE(TimeZone::parse("X", good).has_value());
  const std::size_t second = good.find("TZif", 4);
  const std::size_t data = second + 44;
  const auto with = [&](std::size_t at, char byte) {
    std::string bytes = good;
    bytes.at(at) = byte;
    return TimeZone::parse("X", bytes);
  };
  const auto [at, byte, offset, code] =
      GENERATE_COPY(table<std::size_t, char, std::size_t, ErrorCode>({
          {0, 'x', 0, ErrorCode::bad_value},
          {4, '5', 4, ErrorCode::unsupported},
          {second + 3, 'x', second, ErrorCode::bad_value},
          {second + 23, 1, second + 20, ErrorCode::bad_value},       // isutcnt
          {second + 27, 1, second + 24, ErrorCode::bad_value},       // isstdcnt
          {second + 32, 1, second + 32, ErrorCode::bad_value},       // timecnt of 16 million
          {second + 36, 1, second + 36, ErrorCode::bad_value},       // typecnt
          {second + 40, '\xFF', good.size(), ErrorCode::bad_value},  // charcnt beyond the end
          {data + 15, 10, data + 8, ErrorCode::bad_value},           // times not ascending
          {data + 17, 2, data + 17, ErrorCode::bad_value},           // no such type
          {data + 18, 1, data + 18, ErrorCode::bad_value},           // offset of 194 days
          {data + 22, 2, data + 22, ErrorCode::bad_value},           // DST flag
          {data + 23, 4, data + 23, ErrorCode::bad_value},           // name index
          {good.size() - 6, 'x', good.size() - 6, ErrorCode::bad_value},
          {good.size() - 2, 'x', good.size() - 1, ErrorCode::bad_value},
          {good.size() - 1, 'x', good.size(), ErrorCode::bad_value},
      }));
  CAPTURE(at);
  const auto parsed = with(at, byte);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().offset == offset);
  CHECK(parsed.error().code == code);
}

TEST_CASE("files of no sensible size, and zones that count leap seconds, are refused") {
  CHECK(TimeZone::parse("X", std::string(300'000, 'x')).error().code == ErrorCode::too_long);
  const TzifText leaping{.offsets = {0}, .footer = "UTC0", .leap_seconds = 27};
  const auto parsed = TimeZone::parse("X", leaping.bytes());
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == ErrorCode::unsupported);
  CHECK(parsed.error().detail.find("leap seconds") != std::string::npos);
}

TEST_CASE("no cut and no flipped bit of a file breaks the reader") {
  const std::string good = TzifText{.version = '3',
                                    .offsets = {0, 3600, -7'200},
                                    .changes = {{10, 1}, {20, 0}, {300'000, 2}, {9'000'000, 0}},
                                    .footer = "EST5EDT,M3.2.0,M11.1.0"}
                               .bytes();
  for (std::size_t length = 0; length < good.size(); ++length) {
    CHECK_FALSE(TimeZone::parse("X", std::string_view(good).substr(0, length)).has_value());
  }
  int accepted = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = TimeZone::parse("X", bytes);
    if (!parsed) continue;
    ++accepted;
    (void)(*parsed)->resolve(local_days{2026_y / 3 / 8} + 2h);
  }
  CHECK(accepted > 100);  // names, reserved bytes and other plausible times
}

TEST_CASE("UTC needs no file") {
  const auto utc = TimeZone::utc();
  CHECK(utc->name() == "UTC");
  CHECK(utc->offset_at(sys_days{2026_y / 1 / 1}) == 0s);
  CHECK(utc->resolve(local_days{2026_y / 1 / 1}).kind == Kind::unique);
  CHECK(utc->same_times(*zone("Etc/GMT")));
  CHECK_FALSE(utc->same_times(*zone("Europe/London")));
}

TEST_CASE("instants outside 1970 to 2200 take the nearest offset") {
  const auto sydney = zone("Australia/Sydney");
  CHECK(sydney->offset_at(sys_seconds::min()) == 10h);
  CHECK(sydney->offset_at(sys_days{1900_y / 1 / 1}) == 10h);
  CHECK(sydney->offset_at(sys_days{2200_y / 12 / 31} + 12h) == 11h);
  CHECK(sydney->offset_at(sys_days{2300_y / 7 / 1}) == 11h);
  CHECK(sydney->offset_at(sys_seconds::max()) == 11h);
  CHECK(sydney->resolve(local_days{2300_y / 7 / 1}).kind == Kind::unique);
}

TEST_CASE("transitions are those after `from`, to `to` inclusive") {
  const auto prague = zone("Europe/Prague");
  const sys_seconds spring = sys_days{2026_y / 3 / 29} + 1h;
  const sys_seconds autumn = sys_days{2026_y / 10 / 25} + 1h;
  const auto both = prague->transitions(spring - 1s, autumn);
  REQUIRE(both.size() == 2);
  CHECK(both[0].at == spring);
  CHECK(both[0].before == 1h);
  CHECK(both[0].after == 2h);
  CHECK(both[1].at == autumn);
  CHECK(prague->transitions(spring, autumn - 1s).empty());
  CHECK(TimeZone::utc()->transitions(spring, autumn).empty());
}

TEST_CASE("segments follow each other without a hole") {
  const std::string name = GENERATE("Europe/Prague", "Africa/Casablanca", "UTC", "Pacific/Apia");
  CAPTURE(name);
  const auto place = zone(name);
  sys_seconds at{-TimeZone::kEver};
  int segments = 0;
  seconds before = place->segment_at(at).offset;
  while (at < sys_seconds{TimeZone::kEver}) {
    const auto segment = place->segment_at(at);
    REQUIRE(segment.begin == at);
    REQUIRE(segment.end > at);
    CHECK(segment.before == before);
    CHECK(segment.offset == place->offset_at(segment.end - 1s));
    if (segment.end < sys_seconds{TimeZone::kEver}) {
      CHECK(segment.after == place->offset_at(segment.end));
      CHECK(segment.after != segment.offset);
    } else {
      CHECK(segment.after == segment.offset);
    }
    before = segment.offset;
    at = segment.end;
    ++segments;
  }
  const auto changes = place->transitions(sys_seconds{-TimeZone::kEver}, at).size();
  CHECK(static_cast<std::size_t>(segments) == changes + 1);
}
