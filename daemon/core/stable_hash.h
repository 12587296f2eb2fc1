#pragma once

#include <boost/uuid/uuid.hpp>

#include <cstdint>

namespace rruled::core {

// A number from an id and a number, the same in every build, on every machine, for ever: jitter and
// backoff hang on it, and previews of jittered times must hold across restarts and upgrades.
// FNV-1a (64 bits) over the 16 bytes of the id, then over `number` in 8 bytes, lowest first; then
// the finalizer of splitmix64, because FNV alone leaves neighbours close. Not for anything secret.
[[nodiscard]] inline std::uint64_t stable_hash(const boost::uuids::uuid& id, std::int64_t number) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001B3U; };
  for (const std::uint8_t byte : id) mix(byte);
  const auto bits = static_cast<std::uint64_t>(number);
  for (int shift = 0; shift < 64; shift += 8) mix(static_cast<std::uint8_t>(bits >> shift));

  hash = (hash ^ hash >> 30) * 0xBF58476D1CE4E5B9U;
  hash = (hash ^ hash >> 27) * 0x94D049BB133111EBU;
  return hash ^ hash >> 31;
}

}  // namespace rruled::core
