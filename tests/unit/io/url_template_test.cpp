#include "daemon/io/url_template.h"

#include "tests/unit/io/io_fixture.h"

#include <catch2/catch.hpp>

using rruled::io::UrlTemplate;
using rruled::test::sample_run;

TEST_CASE("a URL template is filled from the run") {
  struct Case {
    std::string text, url;
    bool tls;
    std::string host;
    std::uint16_t port;
    std::string target;
  };
  const auto sample = GENERATE(values<Case>({
      {"http://localhost", "http://localhost/", false, "localhost", 80, "/"},
      {"https://api.example.com/a?b=c", "https://api.example.com/a?b=c", true, "api.example.com",
       443, "/a?b=c"},
      {"http://h:8080?x={project_id}", "http://h:8080/?x=7", false, "h", 8080, "/?x=7"},
      {"https://[::1]:9/{flow_id}", "https://[::1]:9/01890000-0000-7000-8000-000000000001", true,
       "::1", 9, "/01890000-0000-7000-8000-000000000001"},
      {"HTTP://H/{run_id}/{schedule_id}/{run_id}",
       "HTTP://H/0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f/01890000-0000-7000-8000-000000000002/"
       "0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f",
       false, "H", 80,
       "/0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f/01890000-0000-7000-8000-000000000002/"
       "0b2f3f5e-4a51-5c1e-9a53-1a2b3c4d5e6f"},
  }));
  CAPTURE(sample.text);
  const auto url = UrlTemplate::parse(sample.text, "url");
  REQUIRE(url.has_value());
  CHECK(url->tls() == sample.tls);
  CHECK(url->host() == sample.host);
  CHECK(url->port() == sample.port);
  CHECK(url->target(sample_run()) == sample.target);
  CHECK(url->url(sample_run()) == sample.url);
}

TEST_CASE("a run without a schedule leaves its place empty") {
  auto run = sample_run();
  run.schedule_id.reset();
  CHECK(UrlTemplate::parse("http://h/a/{schedule_id}/b", "url")->target(run) == "/a//b");
}

TEST_CASE("a URL that cannot work is refused with the reason") {
  struct Case {
    std::string text, reason;
  };
  const auto sample = GENERATE(values<Case>({
      {"", "is not a URL"},
      {"localhost/hook", "is not a URL"},
      {"ftp://h/", "must begin with http:// or https://"},
      {"http:///path", "names no host"},
      {"http://user:pw@h/", "must not hold a user or password"},
      {"http://user:pw@h:0/?key=canary", "\"http://..@h:0/?..\" must not hold a user or password"},
      {"//user:pw@h", "is not a URL"},
      {"user:pw@h/{team}?key=canary", "unknown placeholder {team}"},
      {"http://h/#top", "must not have a fragment"},
      {"http://h:0/", "1..65535"},
      {"http://h:99999/", "1..65535"},
      {"http://h/a b", "is not a URL"},
      {"http://h/\r\nX: y", "is not a URL"},
      {"http://h/{team}", "unknown placeholder {team}"},
      {"http://h/{}", "unknown placeholder {}"},
      {"http://h/{run_id", "unpaired brace"},
      {"http://h/run_id}", "unpaired brace"},
      {"http://{flow_id}/", "placeholder in its host"},
      {"{run_id}://h/", "placeholder in its host"},
  }));
  CAPTURE(sample.text);
  const auto url = UrlTemplate::parse(sample.text, "url");
  REQUIRE(url.has_error());
  CHECK(url.error().setting == "url");
  CHECK_THAT(url.error().detail, Catch::Contains(sample.reason));
  CHECK_THAT(url.error().detail, !Catch::Contains("user:pw") && !Catch::Contains("canary"));
}
