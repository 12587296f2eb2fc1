#include "daemon/core/remote_job.h"

#include <catch2/catch.hpp>

namespace rruled::core {

TEST_CASE("the answer to an accepted batch job names it") {
  const auto [body, id, state] = GENERATE(table<std::string, std::string, RemoteState>({
      {R"({"id":"0190f6a2-5f6e","status":"queued"})", "0190f6a2-5f6e", RemoteState::live},
      {R"({"id":"a","status":"active"})", "a", RemoteState::live},
      {R"({"id":"a","status":"waiting"})", "a", RemoteState::live},
      {R"({"id":"a","status":"a word of tomorrow"})", "a", RemoteState::live},
      {R"({"id":"a"})", "a", RemoteState::live},
      {R"({"id":"a","of_theirs":123456789012345678901234567890})", "a", RemoteState::live},
      {R"({"id":42,"status":"completed"})", "42", RemoteState::completed},
      {R"({"status":"failed","error":"no","id":"a"})", "a", RemoteState::failed},
      {R"({"id":"a","status":"cancelled"})", "a", RemoteState::cancelled},
      {R"({"id":"a","status":"canceled"})", "a", RemoteState::cancelled},
  }));
  CAPTURE(body);
  const auto job = read_remote_job(body);
  REQUIRE(job);
  CHECK(job->id == id);
  CHECK(job->state == state);
  CHECK(job->error == (state == RemoteState::failed ? "no" : ""));
}

TEST_CASE("an answer that names no job, or one that fits no path, names none") {
  const auto body = GENERATE(
      as<std::string>(), "", "{}", "[]", "ok", R"({"id":null})", R"({"id":""})", R"({"id":true})",
      R"({"id":"../flows"})", R"({"id":"a/b"})", R"({"id":".."})", R"({"id":"a b"})",
      R"({"id":"a?b"})", R"({"id":"ü"})", "{\"id\":\"" + std::string(201, 'a') + "\"}");
  CAPTURE(body);
  CHECK_FALSE(read_remote_job(body));
}

TEST_CASE("a list is a bare array or a page") {
  const auto bare = read_remote_page(R"([{"id":"b","status":"active"},7,{"id":"a/b"},{"id":"a"}])");
  REQUIRE(bare);
  REQUIRE(bare->jobs.size() == 2);
  CHECK(bare->jobs[0].id == "b");
  CHECK(bare->jobs[1].id == "a");
  CHECK(bare->next_query.empty());
  const auto page = read_remote_page(
      R"({"count":2,"next":"https://elsewhere.example/x/?limit=1&offset=1#y","previous":null,)"
      R"("results":[{"id":"a","status":"completed"}]})");
  REQUIRE(page);
  REQUIRE(page->jobs.size() == 1);
  CHECK(page->next_query == "?limit=1&offset=1");  // where it is asked stays ours
  const auto last = read_remote_page(R"({"next":null,"results":[]})");
  REQUIRE(last);
  CHECK(last->next_query.empty());
}

TEST_CASE("what is no list is none, and a next page that is no address ends it") {
  for (const char* body : {"", "{}", "7", R"({"results":null})", R"({"id":"a"})", "[1"})
    CHECK_FALSE(read_remote_page(body));
  const auto odd = read_remote_page("{\"next\":\"/x?a\\r\\nHost: b\",\"results\":[]}");
  REQUIRE(odd);
  CHECK(odd->next_query.empty());
}

}  // namespace rruled::core
