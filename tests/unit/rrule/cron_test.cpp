#include "rrule/cron.h"

#include "rrule/crontab.h"
#include "rrule/parse.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <tuple>

using namespace rruled::rrule;

namespace {

constexpr auto kAltered = ImportNote::Kind::altered;
constexpr auto kDropped = ImportNote::Kind::dropped;

}  // namespace

TEST_CASE("a cron expression is a rule") {
  const auto [cron, rule] = GENERATE(table<std::string, std::string>({
      {"* * * * *", "FREQ=MINUTELY;BYSECOND=0"},
      {"0 * * * *", "FREQ=HOURLY;BYMINUTE=0;BYSECOND=0"},
      {"*/15 * * * *", "FREQ=HOURLY;BYMINUTE=0,15,30,45;BYSECOND=0"},
      {"*/25 * * * *", "FREQ=HOURLY;BYMINUTE=0,25,50;BYSECOND=0"},
      {"5-59/15 * * * *", "FREQ=HOURLY;BYMINUTE=5,20,35,50;BYSECOND=0"},
      {"0 2 * * *", "FREQ=DAILY;BYHOUR=2;BYMINUTE=0;BYSECOND=0"},
      {"30 6,18 * * *", "FREQ=DAILY;BYHOUR=6,18;BYMINUTE=30;BYSECOND=0"},
      {"0 */6 * * *", "FREQ=HOURLY;BYHOUR=0,6,12,18;BYMINUTE=0;BYSECOND=0"},
      {"* 9-11 * * *", "FREQ=MINUTELY;BYHOUR=9,10,11;BYSECOND=0"},
      {"*/30 1 * * *", "FREQ=HOURLY;BYHOUR=1;BYMINUTE=0,30;BYSECOND=0"},
      {"0,30 1 * * *", "FREQ=DAILY;BYHOUR=1;BYMINUTE=0,30;BYSECOND=0"},
      {"30 9 * * mon-fri", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9;BYMINUTE=30;BYSECOND=0"},
      {"30 9 * * MON,Wed,5", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=9;BYMINUTE=30;BYSECOND=0"},
      {"0 0 * * 0", "FREQ=WEEKLY;BYDAY=SU;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 * * 7", "FREQ=WEEKLY;BYDAY=SU;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 * * 5-7", "FREQ=WEEKLY;BYDAY=FR,SA,SU;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 * * 1-7", "FREQ=DAILY;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 * 6 1", "FREQ=WEEKLY;BYMONTH=6;BYDAY=MO;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 * jun-aug *", "FREQ=DAILY;BYMONTH=6,7,8;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 * */3 *", "FREQ=DAILY;BYMONTH=1,4,7,10;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 1 * *", "FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 1,15 1 *", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1,15;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 31 2 *", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      // Both day fields: either. A field that begins with * leaves it at "and", as in cronie.
      {"0 0 13 * 5",
       "RRULE:FREQ=MONTHLY;BYMONTHDAY=13;BYHOUR=0;BYMINUTE=0;BYSECOND=0\n"
       "RRULE:FREQ=WEEKLY;BYDAY=FR;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"*/5 * 1 * sun",
       "RRULE:FREQ=HOURLY;BYMONTHDAY=1;BYMINUTE=0,5,10,15,20,25,30,35,40,45,50,55;BYSECOND=0\n"
       "RRULE:FREQ=HOURLY;BYDAY=SU;BYMINUTE=0,5,10,15,20,25,30,35,40,45,50,55;BYSECOND=0"},
      {"0 0 */10 * mon",
       "FREQ=MONTHLY;BYMONTHDAY=1,11,21,31;BYDAY=MO;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 1 * */6", "FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=SA,SU;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0 0 1-31 * mon", "FREQ=DAILY;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"0-59 12 * * *",
       "FREQ=DAILY;BYHOUR=12;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,"
       "23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,"
       "53,54,55,56,57,58,59;BYSECOND=0"},
      {"0 0-23 * * *",
       "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0;"
       "BYSECOND=0"},
      {"@hourly", "FREQ=HOURLY;BYMINUTE=0;BYSECOND=0"},
      {"@daily", "FREQ=DAILY;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"@midnight", "FREQ=DAILY;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"@weekly", "FREQ=WEEKLY;BYDAY=SU;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"@monthly", "FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"@yearly", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"@annually", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;BYHOUR=0;BYMINUTE=0;BYSECOND=0"},
      {"  0\t2  * * *  ", "FREQ=DAILY;BYHOUR=2;BYMINUTE=0;BYSECOND=0"},
  }));
  CAPTURE(cron);
  const auto parsed = parse_cron(cron);
  REQUIRE(parsed.has_value());
  // The order of parts is the printer's, whatever that is.
  CHECK(parsed->recurrence == to_string(parse_recurrence(rule).value()));
}

TEST_CASE("a cron expression that is none is refused with its place and field") {
  const auto [cron, code, offset, detail] =
      GENERATE(table<std::string, ErrorCode, std::size_t, std::string>({
          {"", ErrorCode::empty, 0, "minute is missing"},
          {"   ", ErrorCode::empty, 3, "minute is missing"},
          {"* * * *", ErrorCode::missing_part, 7, "day of week is missing"},
          {"0 0 * * * *", ErrorCode::syntax, 10, "found more"},
          {"60 * * * *", ErrorCode::bad_value, 0, "minute: takes 0 to 59"},
          {"0 24 * * *", ErrorCode::bad_value, 2, "hour: takes 0 to 23"},
          {"0 0 0 * *", ErrorCode::bad_value, 4, "day of month: takes 1 to 31"},
          {"0 0 * 13 *", ErrorCode::bad_value, 6, "month: takes 1 to 12"},
          {"0 0 * * 8", ErrorCode::bad_value, 8, "day of week: takes 0 to 7"},
          {"99999999999999999999 * * * *", ErrorCode::bad_value, 0, "takes 0 to 59"},
          {"0 22-6 * * *", ErrorCode::bad_value, 2, "smaller to the larger"},
          {"0 0 * * fri-sun", ErrorCode::bad_value, 8, "smaller to the larger"},
          {"5/15 * * * *", ErrorCode::bad_value, 1, "a step needs a range"},
          {"*/0 * * * *", ErrorCode::bad_value, 2, "a step is 1 or more"},
          {"*/ * * * *", ErrorCode::bad_value, 2, "a value is missing"},
          {"*/x * * * *", ErrorCode::bad_value, 2, "does not belong here"},
          {"1,,2 * * * *", ErrorCode::bad_value, 2, "does not belong here"},
          {"1, * * * *", ErrorCode::bad_value, 2, "a value is missing"},
          {"-5 * * * *", ErrorCode::bad_value, 0, "does not belong here"},
          {"1- * * * *", ErrorCode::bad_value, 2, "a value is missing"},
          {"jan * * * *", ErrorCode::bad_value, 0, "no name of a minute"},
          {"0 0 * mon *", ErrorCode::bad_value, 6, "\"mon\" is no name of a month"},
          {"0 0 * * monday", ErrorCode::bad_value, 8, "\"monday\" is no name of a day of week"},
          {"0 0 L * *", ErrorCode::unsupported, 4, "'L' is not of cron"},
          {"0 0 15W * *", ErrorCode::unsupported, 6, "'W' is not of cron"},
          {"0 0 ? * *", ErrorCode::unsupported, 4, "'?' is not of cron"},
          {"0 0 * * 5#3", ErrorCode::unsupported, 9, "'#' is not of cron"},
          {"H * * * *", ErrorCode::unsupported, 0, "'H' is not of cron"},
          {"0~30 * * * *", ErrorCode::unsupported, 1, "random times"},
          {"@reboot", ErrorCode::unsupported, 0, "not a time"},
          {" @noon", ErrorCode::unknown_part, 1, "@hourly"},
          {std::string(1001, '*'), ErrorCode::too_long, 1000, "1000 bytes"},
          {std::string("0 \0 * * *", 9), ErrorCode::bad_value, 2, "does not belong here"},
      }));
  CAPTURE(cron);
  const auto parsed = parse_cron(cron);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == code);
  CHECK(parsed.error().offset == offset);
  CHECK_THAT(parsed.error().detail, Catch::Contains(detail));
}

TEST_CASE("a crontab gives its entries and says what it cannot") {
  const auto crontab = read_crontab(
      "# nightly work\n"
      "SHELL=/bin/sh\n"
      "MAILTO = \"ops@example.org\"\n"
      "\n"
      "0 2 * * * /usr/bin/backup --all\n"
      "CRON_TZ=Europe/Prague\r\n"
      "  30 9 * * mon-fri\treport \t\n"
      "TZ=Asia/Tokyo\n"
      "@weekly tidy FOO=bar\n"
      "@reboot start-it\n"
      "61 * * * * never\n"
      "0 0 * * *\n"
      "@daily\n"
      "0 0 1 * * date +\\%F%input%more\n"
      "'CRON_TZ' = 'UTC'\n"
      "-0 5 * * * quiet\n"
      "nonsense\n"
      "0 6 * * * last",
      CrontabKind::user);
  REQUIRE(crontab.has_value());
  const auto rule = [](const char* cron) { return parse_cron(cron)->recurrence; };
  CHECK(crontab->entries == std::vector<CrontabEntry>{
                                {5, rule("0 2 * * *"), "", "", "/usr/bin/backup --all"},
                                {7, rule("30 9 * * 1-5"), "Europe/Prague", "", "report"},
                                {9, rule("@weekly"), "Europe/Prague", "", "tidy FOO=bar"},
                                {14, rule("0 0 1 * *"), "Europe/Prague", "", "date +%F", true},
                                {16, rule("0 5 * * *"), "UTC", "", "quiet"},
                                {18, rule("0 6 * * *"), "UTC", "", "last"},
                            });
  const auto has = [&](std::size_t line, ImportNote::Kind kind, const std::string& text) {
    CAPTURE(line, text);
    const auto& notes = crontab->notes;
    CHECK(std::count_if(notes.begin(), notes.end(), [&](const ImportNote& note) {
            return note.line == line && note.kind == kind &&
                   note.text.find(text) != std::string::npos;
          }) == 1);
  };
  CHECK(crontab->notes.size() == 10);
  has(2, kDropped, "SHELL");
  has(3, kDropped, "MAILTO");
  has(8, kDropped, "TZ is a variable");
  has(10, kDropped, "@reboot");
  has(11, kDropped, "minute");
  has(12, kDropped, "command is missing");
  has(13, kDropped, "command is missing");
  has(14, kAltered, "input after %");
  has(16, kAltered, "not to log");
  has(17, kDropped, "minute: \"nonsense\"");
}

TEST_CASE("a system crontab has a user before each command") {
  const auto crontab = read_crontab(
      "17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n"
      "@daily www-data  php -f\n"
      "0 5 * * * nobody\n",
      CrontabKind::system);
  REQUIRE(crontab.has_value());
  CHECK(crontab->entries ==
        std::vector<CrontabEntry>{{1, parse_cron("17 * * * *")->recurrence, "", "root",
                                   "cd / && run-parts --report /etc/cron.hourly"},
                                  {2, parse_cron("@daily")->recurrence, "", "www-data", "php -f"}});
  CHECK(crontab->notes == std::vector<ImportNote>{{3, kDropped, "the command is missing"}});
}

TEST_CASE("a crontab may be empty but not endless") {
  CHECK(read_crontab("", CrontabKind::user)->entries.empty());
  CHECK(read_crontab("\n\n# only words\n", CrontabKind::user)->notes.empty());
  CHECK(read_crontab(std::string(kCrontabMax, '\n'), CrontabKind::user).has_value());
  CHECK(read_crontab(std::string(kCrontabMax + 1, '\n'), CrontabKind::user).error().code ==
        ErrorCode::too_long);
}
