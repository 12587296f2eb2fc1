#include "rrule/zone_database.h"

#include "tests/unit/rrule/tzif_bytes.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace rruled::rrule;
using namespace std::chrono_literals;
using rruled::test::TzifText;
namespace fs = std::filesystem;

namespace {

TzifText fixed(std::int32_t offset) { return {.offsets = {offset}}; }

// A zoneinfo folder of the test's own.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "rruled-zones-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& bytes) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("a zone is found by its IANA name and kept") {
  const ZoneDatabase zones;
  const auto prague = zones.find("Europe/Prague");
  REQUIRE(prague.has_value());
  CHECK((*prague)->name() == "Europe/Prague");
  CHECK(zones.find("Europe/Prague").value() == *prague);
  CHECK(zones.find("America/Argentina/Buenos_Aires").has_value());
  CHECK(zones.find("Etc/GMT+5").value()->offset_at({}) == -5h);
  CHECK(zones.find("UTC").value() == TimeZone::utc());
  CHECK(zones.has("UTC"));
  CHECK(zones.has("Europe/Prague"));
  CHECK(zones.has("Asia/Tokyo"));
}

TEST_CASE("what is not an IANA name is an error, never UTC") {
  const ZoneDatabase zones;
  const auto [name, hint] = GENERATE(table<std::string, std::string>({
      {"", "empty"},
      {"Mars/Olympus", "unknown time zone \"Mars/Olympus\""},
      {"europe/prague", "did you mean \"Europe/Prague\"?"},
      {"EUROPE/PRAGUE", "did you mean \"Europe/Prague\"?"},
      {"America/New York", "did you mean \"America/New_York\"?"},
      {"Prague", "did you mean \"Europe/Prague\"?"},
      {"utc", "did you mean \"UTC\"?"},
      {"Europe/Berln", "did you mean \"Europe/Berlin\"?"},
      {"America/NewYork", "did you mean \"America/New_York\"?"},
      {"europe/pargue", "did you mean \"Europe/Prague\"?"},
      {"/usr/share/zoneinfo/Europe/Prague", "not by a path"},
      {"/etc/localtime", "not by a path"},
      {"Europe/", "not by a path"},
      {"Europe//Prague", "not by a path"},
      {"Europe", "unknown time zone"},
      {"../zoneinfo/Europe/Prague", "only letters, digits"},
      {"Europe/../Europe/Prague", "only letters, digits"},
      {"Europe/Prague\n", "only letters, digits"},
      {std::string("Europe/Prague\0", 14), "only letters, digits"},
      {"Europe/Pr\xC3\xA1ha", "only letters, digits"},
      {std::string(65, 'A'), "64 characters"},
      {"posix/Europe/Prague", "not a place's"},
      {"right/Europe/Prague", "not a place's"},
      {"localtime", "not a place's"},
      {"posixrules", "not a place's"},
      {"Factory", "not a place's"},
      {"tzdata.zi", "only letters, digits"},
      {"leapseconds", "unknown time zone"},
      {"CET-1CEST", "unknown time zone"},
      {"+02", "unknown time zone"},
  }));
  CAPTURE(name);
  CHECK_FALSE(zones.has(name));
  const auto found = zones.find(name);
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().code == ErrorCode::unknown_zone);
  CHECK_THAT(found.error().detail, Catch::Contains(hint));
}

TEST_CASE("a missing folder is named, and UTC is known all the same") {
  const ZoneDatabase zones("/nonexistent/zoneinfo");
  const auto found = zones.find("Europe/Prague");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().code == ErrorCode::unknown_zone);
  CHECK_THAT(found.error().detail, Catch::Contains("no time zone folder /nonexistent/zoneinfo"));
  CHECK(zones.find("UTC").has_value());
  CHECK(zones.version() == "unknown");
}

TEST_CASE("the folder comes from TZDIR when that is set") {
  setenv("TZDIR", "/somewhere/else", 1);
  CHECK(ZoneDatabase::default_folder() == "/somewhere/else");
  setenv("TZDIR", "", 1);
  CHECK(ZoneDatabase::default_folder() == "/usr/share/zoneinfo");
  unsetenv("TZDIR");
  CHECK(ZoneDatabase::default_folder() == "/usr/share/zoneinfo");
}

TEST_CASE("only regular TZif files below the folder are zones") {
  const Folder folder;
  const Folder outside;
  outside.write("Elsewhere", fixed(3600).bytes());
  folder.write("Area/Place", fixed(3600).bytes());
  folder.write("Area/Notes", "not a zone");
  folder.write("Area/Damaged", fixed(3600).bytes().substr(0, 60));
  folder.write("Area/Huge", "TZif" + std::string(300'000, ' '));
  fs::create_symlink("Place", folder.path() / "Area/Link");
  fs::create_symlink(outside.path() / "Elsewhere", folder.path() / "Area/Out");
  fs::create_symlink("Loop", folder.path() / "Area/Loop");
  const ZoneDatabase zones(folder.path());
  CHECK(zones.find("Area/Place").has_value());
  CHECK(zones.find("Area/Link").value()->name() == "Area/Link");
  for (const char* name : {"Area/Notes", "Area/Huge", "Area/Out", "Area/Loop", "Area"}) {
    CAPTURE(name);
    REQUIRE_FALSE(zones.find(name).has_value());
    CHECK(zones.find(name).error().code == ErrorCode::unknown_zone);
  }
  const auto damaged = zones.find("Area/Damaged");
  REQUIRE_FALSE(damaged.has_value());
  CHECK(damaged.error().code == ErrorCode::bad_value);
  CHECK(damaged.error().offset == 60);
  CHECK_THAT(damaged.error().detail, Catch::Contains("Area/Damaged"));
}

TEST_CASE("the version is what the folder says") {
  const Folder folder;
  CHECK(ZoneDatabase(folder.path()).version() == "unknown");
  folder.write("+VERSION", "2025b\n");
  CHECK(ZoneDatabase(folder.path()).version() == "2025b");
  folder.write("tzdata.zi", "# version 2026f\n# This zic input\n");
  CHECK(ZoneDatabase(folder.path()).version() == "2026f");
}

TEST_CASE("reload says which zones moved and leaves pointers given out alone") {
  const Folder folder;
  folder.write("tzdata.zi", "# version 2026a\n");
  folder.write("Area/Moves", fixed(3600).bytes());
  folder.write("Area/Stays", fixed(7200).bytes());
  folder.write("Area/Breaks", fixed(0).bytes());
  folder.write("Area/Unread", fixed(0).bytes());
  ZoneDatabase zones(folder.path());
  const auto moves = zones.find("Area/Moves").value();
  const auto stays = zones.find("Area/Stays").value();
  const auto breaks = zones.find("Area/Breaks").value();

  folder.write("tzdata.zi", "# version 2026b\n");
  folder.write("Area/Moves", fixed(5400).bytes());
  folder.write("Area/Unread", fixed(5400).bytes());
  folder.write("Area/Breaks", "TZif");
  CHECK(zones.find("Area/Moves").value() == moves);

  const auto reloaded = zones.reload();
  CHECK(reloaded.version_before == "2026a");
  CHECK(reloaded.version_after == "2026b");
  CHECK(reloaded.changed == std::vector<std::string>{"Area/Moves"});
  REQUIRE(reloaded.unreadable.size() == 1);
  CHECK(reloaded.unreadable[0].first == "Area/Breaks");
  CHECK(zones.version() == "2026b");
  CHECK(moves->offset_at({}) == 1h);
  CHECK(zones.find("Area/Moves").value()->offset_at({}) == 90min);
  CHECK(zones.find("Area/Stays").value() == stays);
  CHECK(zones.find("Area/Breaks").value() == breaks);
  CHECK(zones.reload().changed.empty());
}

TEST_CASE("find and reload from several threads agree") {
  const Folder folder;
  for (int i = 0; i < 20; ++i) folder.write("Area/P" + std::to_string(i), fixed(0).bytes());
  ZoneDatabase zones(folder.path());
  std::atomic<int> found = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        found += zones.find("Area/P" + std::to_string(i % 20)).has_value() ? 1 : 0;
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 10; ++i) (void)zones.reload();
  });
  for (auto& thread : threads) thread.join();
  CHECK(found == 600);
}
