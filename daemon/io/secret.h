#pragma once

#include "daemon/io/setting_error.h"

#include <filesystem>
#include <iosfwd>
#include <string_view>
#include <vector>

namespace rruled::io {

// A text that must not be shown: it has no operator<<, compares with nothing, and its memory is
// zeroed when it goes. Move-only. reveal() is the one way to the characters, easy to search for.
class Secret {
 public:
  explicit Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}
  Secret(Secret&& other) noexcept = default;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  // The first line of `file`, which must be its only one: 1 to 4096 bytes, printable ASCII, so that
  // it can stand in a header. A line end after it does not belong to it. `setting` is named in the
  // error.
  [[nodiscard]] static SettingResult<Secret> read_file(const std::filesystem::path& file,
                                                       std::string_view setting);

  // Valid while this lives and is not moved from.
  [[nodiscard]] std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }

  friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

 private:
  void wipe();

  std::vector<char> bytes_;  // not a string: a short one would leave copies when it moves
};

}  // namespace rruled::io
