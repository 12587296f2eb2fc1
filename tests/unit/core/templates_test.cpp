#include "daemon/core/templates.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>

namespace rruled::core {
namespace {

using namespace std::chrono_literals;

store::Instant instant(std::int64_t epoch_seconds) {
  return store::Instant(std::chrono::seconds(epoch_seconds));
}

TemplateValues values() {
  TemplateValues values;
  values.scheduled_for = instant(1'772'953'200);  // 2026-03-08T07:00:00Z
  values.wall = values.scheduled_for - 5h;
  values.run_id = {store::uuid_v5({}, "run")};
  values.flow_id = {store::uuid_v5({}, "flow")};
  return values;
}

}  // namespace

TEST_CASE("what stands between double braces is replaced where it is known") {
  const auto all = values();
  const auto [text, filled] = GENERATE_COPY(table<std::string, std::string>({
      {"{{ scheduled_for }}", "2026-03-08T07:00:00Z"},
      {"{{scheduled_for}}", "2026-03-08T07:00:00Z"},
      {"{{ scheduled_for_local }}", "2026-03-08T02:00:00"},
      {"day {{ scheduled_for_local | %d.%m.%Y }}, {{ scheduled_for | %H:%M }} UTC",
       "day 08.03.2026, 07:00 UTC"},
      {"{{ scheduled_for | %G-W%V-%u %j %y %s %% }}", "2026-W10-7 067 26 1772953200 %"},
      {"{{ run.id }}{{ flow.id }}", to_string(values().run_id) + to_string(values().flow_id)},
      {"<{{ schedule.id }}>", "<>"},
      // Others' templates, and what is none, stay.
      {"{{ person.name }}", "{{ person.name }}"},
      {"{{ run.id | upper }}", "{{ run.id | upper }}"},
      {"{{ scheduled_for | %c }}", "{{ scheduled_for | %c }}"},
      {"{{ scheduled_for | % }}", "{{ scheduled_for | % }}"},
      {"{{ scheduled_for | %Y", "{{ scheduled_for | %Y"},
      {"{{ {{ scheduled_for | %Y }} }}", "{{ 2026 }}"},
      {"{ scheduled_for }", "{ scheduled_for }"},
      {"", ""},
  }));
  CAPTURE(text);
  CHECK(fill_templates(text, all) == filled);
}

// strftime has mktime for it: east of UTC the number was too small.
TEST_CASE("%s of a template was off by the offset of the host's zone") {
  const char* const zone = std::getenv("TZ");
  const std::string before = zone == nullptr ? "" : zone;
  ::setenv("TZ", "XXX-5", 1);
  ::tzset();
  const auto filled = fill_templates(
      "{{ scheduled_for | %s }} {{ scheduled_for_local | %H%s }} {{ scheduled_for | %%s%%%s%% }}",
      values());
  if (zone == nullptr)
    ::unsetenv("TZ");
  else
    ::setenv("TZ", before.c_str(), 1);
  ::tzset();
  CHECK(filled == "1772953200 021772953200 %s%1772953200%");
}

// Each "{{" was read on to a "}}" far behind it, and copied: a megabyte took seconds.
TEST_CASE("what is between braces is not read beyond the length that a name may have") {
  const std::string blanks(239, ' ');
  CHECK(fill_templates("{{" + blanks + "scheduled_for | %Y}}", values()) ==
        "{{" + blanks + "scheduled_for | %Y}}");
  const std::string fewer(238, ' ');
  CHECK(fill_templates("{{" + fewer + "scheduled_for | %Y}}", values()) == "2026");
  std::string many;
  for (int i = 0; i < 340'000; ++i) many += "{{|";
  CHECK(fill_templates(many + "}}{{ scheduled_for | %Y }}", values()) == many + "}}2026");
  CHECK(fill_templates(many + "{{ scheduled_for | %Y }}", values()) == many + "2026");
}

TEST_CASE("texts of a JSON value are filled wherever they stand, and nothing else changes") {
  CHECK(fill_json_templates(R"({"a":"{{ scheduled_for | %Y }}","{{ run.id }}":[1.5,"{{ x }}",)"
                            R"({"b":"{{ scheduled_for | %m }}"}]})",
                            values()) ==
        R"({"a":"2026","{{ run.id }}":[1.5,"{{ x }}",{"b":"03"}]})");
  const std::string plain = R"({"a": 1})";
  CHECK(fill_json_templates(plain, values()) == plain);
}

}  // namespace rruled::core
