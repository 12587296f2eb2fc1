#pragma once

#include <boost/uuid/uuid.hpp>

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rruled::store {

// An instant as the store keeps it: UTC, milliseconds.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
// A nominal time (`scheduled_for`): UTC, whole seconds.
using Instant = std::chrono::sys_seconds;

// A UUID that names one kind of row; ids of different kinds do not mix. Ordered bytewise, so that
// ids of version 7 sort by time of creation.
template <class Tag>
struct Id {
  boost::uuids::uuid value{};

  friend bool operator==(const Id&, const Id&) = default;
  friend std::strong_ordering operator<=>(const Id& a, const Id& b) {
    if (a.value == b.value) return std::strong_ordering::equal;
    return a.value < b.value ? std::strong_ordering::less : std::strong_ordering::greater;
  }
};

using FlowId = Id<struct FlowTag>;
using ScheduleId = Id<struct ScheduleTag>;
using RunId = Id<struct RunTag>;
using ParentId = Id<struct ParentTag>;  // what runs belong to: a batch job or a backfill
using OwnerId = Id<struct OwnerTag>;    // one start of one daemon process

// Lower case, with dashes. Accepts only that form (any letter case).
[[nodiscard]] std::string to_string(const boost::uuids::uuid& id);
[[nodiscard]] std::optional<boost::uuids::uuid> parse_uuid(std::string_view text);

template <class Tag>
[[nodiscard]] std::string to_string(const Id<Tag>& id) {
  return to_string(id.value);
}
template <class AnyId>
[[nodiscard]] std::optional<AnyId> parse_id(std::string_view text) {
  const auto uuid = parse_uuid(text);
  return uuid ? std::optional<AnyId>(AnyId{*uuid}) : std::nullopt;
}

// RFC 9562 version 7: `now`, then the ten random bytes.
[[nodiscard]] boost::uuids::uuid uuid_v7(Timestamp now, std::span<const std::uint8_t, 10> random);
// The same with bytes of the operating system's generator. Of two that one process makes in one
// millisecond the later one is greater. Thread-safe.
[[nodiscard]] boost::uuids::uuid random_uuid_v7(Timestamp now);
// RFC 9562 version 5 (SHA-1): the same id for the same name, for ever.
[[nodiscard]] boost::uuids::uuid uuid_v5(const boost::uuids::uuid& space, std::string_view name);

}  // namespace rruled::store

template <class Tag>
struct std::hash<rruled::store::Id<Tag>> {
  std::size_t operator()(const rruled::store::Id<Tag>& id) const noexcept {
    std::array<std::uint64_t, 2> halves{};
    std::memcpy(halves.data(), id.value.data, sizeof halves);
    return halves[0] * 0x9e3779b97f4a7c15U ^ halves[1];
  }
};
