#include "store/ids.h"

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <system_error>

namespace rruled::store {
namespace {

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

constexpr bool is_dash_position(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

std::string to_string(const boost::uuids::uuid& id) { return boost::uuids::to_string(id); }

std::optional<boost::uuids::uuid> parse_uuid(std::string_view text) {
  constexpr std::size_t kLength = 36;
  if (text.size() != kLength) return std::nullopt;
  boost::uuids::uuid id{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < kLength; ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const auto digit = hex_digit(text[i]);
    if (!digit) return std::nullopt;
    auto& byte = id.data[digits / 2];
    byte = static_cast<std::uint8_t>(byte << 4U | *digit);
    ++digits;
  }
  return id;
}

boost::uuids::uuid uuid_v7(Timestamp now, std::span<const std::uint8_t, 10> random) {
  boost::uuids::uuid id{};
  const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count());
  for (std::size_t i = 0; i < 6; ++i)
    id.data[i] = static_cast<std::uint8_t>(ms >> (8U * (5U - i)) & 0xffU);
  std::copy(random.begin(), random.end(), id.data + 6);
  id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0fU) | 0x70U);
  id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3fU) | 0x80U);
  return id;
}

namespace {

// One more than `last` in the 62 bits at its end, which begin at random: they do not overflow.
boost::uuids::uuid after(boost::uuids::uuid last) {
  for (std::size_t i = last.size(); i-- > 9;)
    if (++last.data[i] != 0) return last;
  last.data[8] = static_cast<std::uint8_t>(0x80U | ((last.data[8] + 1U) & 0x3fU));
  return last;
}

}  // namespace

boost::uuids::uuid random_uuid_v7(Timestamp now) {
  std::array<std::uint8_t, 10> random{};
  // Up to 256 bytes come whole; only a signal before the pool is ready can interrupt.
  while (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
  static std::mutex mutex;
  static boost::uuids::uuid last{};
  auto id = uuid_v7(now, random);
  const std::lock_guard lock(mutex);
  constexpr std::size_t kTimeBytes = 6;
  if (id <= last && std::equal(id.begin(), id.begin() + kTimeBytes, last.begin())) id = after(last);
  return last = id;
}

boost::uuids::uuid uuid_v5(const boost::uuids::uuid& space, std::string_view name) {
  return boost::uuids::name_generator_sha1(space)(name.data(), name.size());
}

}  // namespace rruled::store
