#include "rrule/edit_distance.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace rruled::rrule {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);  // from the a read so far to each beginning of b
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

bool is_slip(std::string_view typed, std::string_view meant) {
  const std::size_t most = std::min<std::size_t>(2, typed.size() / 3);
  const auto [shorter, longer] = std::minmax({typed.size(), meant.size()});
  return longer - shorter <= most && edit_distance(typed, meant) <= most;
}

}  // namespace rruled::rrule
