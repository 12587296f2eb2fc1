#include "store/ids.h"

#include "store/types.h"
#include "store/utf8.h"

#include <catch2/catch.hpp>

#include <array>
#include <set>
#include <unordered_set>

namespace rruled::store {

using std::chrono::milliseconds;

TEST_CASE("an id is written in lower case and read in any", "[ids]") {
  const std::string text = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
  const auto id = parse_id<FlowId>(text);
  REQUIRE(id);
  CHECK(to_string(*id) == text);
  CHECK(parse_id<FlowId>("6BA7B810-9DAD-11D1-80B4-00C04FD430C8") == id);
}

TEST_CASE("what is not an id", "[ids]") {
  const auto text =
      GENERATE(as<std::string>(), "", "6ba7b8109dad11d180b400c04fd430c8",
               "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b810-9dad-11d1-80b4-00c04fd430c",
               "6ba7b810-9dad-11d1-80b4-00c04fd430c8 ", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
               "6ba7b810-9dad-11d1-80b4000c04fd430c8", "6ba7b81009dad-11d1-80b4-00c04fd430c8",
               "-ba7b810-9dad-11d1-80b4-00c04fd430c8");
  INFO(text);
  CHECK_FALSE(parse_uuid(text));
}

TEST_CASE("version 5 is that of RFC 9562", "[ids]") {
  // Appendix A.4 there: the name www.example.com in the space of host names.
  const auto dns = *parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  CHECK(to_string(uuid_v5(dns, "www.example.com")) == "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST_CASE("version 7 is that of RFC 9562", "[ids]") {
  // Appendix A.6 there.
  const Timestamp time{milliseconds(0x017F22E279B0)};
  const std::array<std::uint8_t, 10> random{0x0C, 0xC3, 0x18, 0xC4, 0xDC,
                                            0x0C, 0x0C, 0x07, 0x39, 0x8F};
  CHECK(to_string(uuid_v7(time, random)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST_CASE("random ids of version 7 differ, and sort by time", "[ids]") {
  std::unordered_set<RunId> seen;
  RunId last{};
  for (int n = 0; n < 1'000; ++n) {
    const RunId id{random_uuid_v7(Timestamp{milliseconds(1'767'225'600'000 + n)})};
    CHECK(last < id);
    CHECK(seen.insert(id).second);
    last = id;
  }
  CHECK(seen.size() == 1'000);
  // Of one moment, too.
  const Timestamp now{milliseconds(1'767'225'600'000)};
  CHECK(random_uuid_v7(now) != random_uuid_v7(now));
}

TEST_CASE("ids are ordered bytewise", "[ids]") {
  const auto a = *parse_id<RunId>("00000000-0000-0000-0000-0000000000ff");
  const auto b = *parse_id<RunId>("00000000-0000-0000-0000-000000000100");
  const auto c = *parse_id<RunId>("80000000-0000-0000-0000-000000000000");
  CHECK(a < b);
  CHECK(b < c);
  CHECK((a <=> a) == std::strong_ordering::equal);
}

TEST_CASE("words are those of SQL and JSON", "[ids]") {
  CHECK(word(DstFold::automatic) == "auto");
  CHECK(word(LogLevel::warn) == "WARN");
  CHECK(word(RunKind::batch_job) == "batch_job");
  CHECK(parse_word<RunStatus>("dead") == RunStatus::dead);
  CHECK_FALSE(parse_word<RunStatus>("Dead"));
  CHECK_FALSE(parse_word<RunStatus>(""));
  CHECK(all_words<CatchupPolicy>() == "last, none, all");
}

TEST_CASE("the first bad byte of a text", "[ids]") {
  CHECK_FALSE(first_bad_byte(""));
  CHECK_FALSE(first_bad_byte("plain, and long enough for eight at once"));
  CHECK_FALSE(first_bad_byte("z\xc3\xa1\xc5\x99\xc3\xad \xe2\x82\xac \xf0\x9f\x98\x80"));
  // Wherever it stands.
  int checked = 0;
  for (std::size_t at = 0; at < 24; ++at) {
    for (const char bad : {'\0', '\x80', '\xff', '\xc3'}) {
      std::string text(24, 'a');
      text[at] = bad;
      CHECK(first_bad_byte(text) == at);
      ++checked;
    }
  }
  CHECK(checked == 96);
}

}  // namespace rruled::store
