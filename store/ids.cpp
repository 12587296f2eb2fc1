#include "store/ids.h"

#include <boost/uuid/name_generator_sha1.hpp>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <system_error>

namespace rruled::store {
namespace {

constexpr std::size_t kLength = 36;
constexpr std::array<std::size_t, 4> kDashes = {8, 13, 18, 23};

// Where the two digits of each byte are.
constexpr std::array<std::uint8_t, 16> kPlaces = {0,  2,  4,  6,  9,  11, 14, 16,
                                                  19, 21, 24, 26, 28, 30, 32, 34};

constexpr std::uint8_t kNoDigit = 0xff;

// What each character is as a hexadecimal digit. By table: ids are read and written many times for
// each run.
constexpr auto kDigitOf = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 10; ++i) values[static_cast<std::size_t>('0') + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    values[static_cast<std::size_t>('a') + i] = static_cast<std::uint8_t>(10 + i);
    values[static_cast<std::size_t>('A') + i] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}();

}  // namespace

std::string to_string(const boost::uuids::uuid& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kLength, '-');
  for (std::size_t i = 0; i < kPlaces.size(); ++i) {
    text[kPlaces[i]] = kDigits[id.data[i] >> 4U];
    text[kPlaces[i] + 1U] = kDigits[id.data[i] & 0x0fU];
  }
  return text;
}

std::optional<boost::uuids::uuid> parse_uuid(std::string_view text) {
  if (text.size() != kLength) return std::nullopt;
  for (const auto at : kDashes)
    if (text[at] != '-') return std::nullopt;
  const auto digit = [&](std::size_t at) { return kDigitOf[static_cast<unsigned char>(text[at])]; };
  boost::uuids::uuid id{};
  bool bad = false;
  for (std::size_t i = 0; i < kPlaces.size(); ++i) {
    const std::uint8_t high = digit(kPlaces[i]);
    const std::uint8_t low = digit(kPlaces[i] + 1U);
    bad = bad || high == kNoDigit || low == kNoDigit;
    id.data[i] = static_cast<std::uint8_t>(high << 4U | low);
  }
  return bad ? std::nullopt : std::optional(id);
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
