#pragma once

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>

// Connecting to a host that has several addresses, one after the other.
namespace rruled::io {

// How long the next of `addresses` that are left may take of the time that is left: its share, and
// never long while there are others. One that drops packets leaves most of the limit for them.
[[nodiscard]] inline std::chrono::steady_clock::duration connect_share(
    std::chrono::steady_clock::duration left, std::size_t addresses) {
  constexpr std::chrono::seconds kMax{3};
  if (addresses <= 1) return left;
  return std::min<std::chrono::steady_clock::duration>(left / static_cast<int>(addresses), kMax);
}

// Which of the failures is told: the last, but none of those that only say that this machine has no
// way to such an address (IPv6 switched off) once there was another.
struct ConnectOutcome {
  boost::system::error_code error;
  bool timed_out = false;

  void add(const boost::system::error_code& next, bool next_timed_out) {
    const bool had_another = error || timed_out;
    if (had_another && !next_timed_out && is_no_way(next)) return;
    error = next;
    timed_out = next_timed_out;
  }

 private:
  static bool is_no_way(const boost::system::error_code& error) {
    using namespace boost::system::errc;
    return error == network_unreachable || error == address_not_available ||
           error == address_family_not_supported;
  }
};

}  // namespace rruled::io
