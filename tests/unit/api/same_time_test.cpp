// Equal requests at one time.
#include "tests/support/hooked_store.h"
#include "tests/unit/api/api_home.h"

namespace rruled::test {
namespace {

// Before its first write another request has written the same, or what `other` makes of it.
class OvertakenStore : public HookedStore {
 public:
  using Other = std::function<void(store::ChangeSet&)>;
  OvertakenStore(std::shared_ptr<store::Store> inner, Other other)
      : HookedStore(*inner, [](When, int) {}), inner_(std::move(inner)), other_(std::move(other)) {}

  std::optional<store::Conflict> write(const store::ChangeSet& changes,
                                       store::Timestamp now) override {
    if (!std::exchange(overtaken_, true)) {
      store::ChangeSet others = changes;
      other_(others);
      REQUIRE_FALSE(inner_->write(others, now));
    }
    return inner_->write(changes, now);
  }

 private:
  const std::shared_ptr<store::Store> inner_;
  const Other other_;
  bool overtaken_ = false;
};

}  // namespace

TEST_CASE("of equal calendars that were made at one time all but one were refused") {
  const std::string wanted = R"({"name":"holidays","dates":["2026-12-24"]})";
  const auto kind = either_store();
  const auto answer = [&](const OvertakenStore::Other& other) {
    ApiHome home(kind, io::ApiAuth::token, [&](auto inner) {
      return std::make_shared<OvertakenStore>(std::move(inner), other);
    });
    const auto response = home.ask("POST", kProject + "calendars/", wanted);
    CHECK(home.backend().directory->audit({.project_id = 1}, {}).count == 1);
    return response;
  };
  const auto same = answer([](store::ChangeSet&) {});
  CHECK(same.status == 201);
  CHECK(ApiHome::text(boost::json::parse(same.body), "name") == "holidays");
  const auto other =
      answer([](store::ChangeSet& changes) { changes.calendars.at(0).calendar.note = "mine"; });
  CHECK(other.status == 409);
  CHECK(detail(boost::json::parse(other.body)) ==
        "There is a calendar \"holidays\" already: change it with PATCH.");
}

}  // namespace rruled::test
