#pragma once

#include <string>

// Programs of this machine, as a shell looks them up.
namespace rruled::io {

// $PATH, or the usual one where there is none.
[[nodiscard]] std::string search_path();

// A name with a slash is a path, whatever is there; another is searched for in search_path().
// Empty: not found.
[[nodiscard]] std::string find_program(const std::string& name);

// Why this user cannot run `name` now; empty when that can be done.
[[nodiscard]] std::string why_no_program(const std::string& name);

}  // namespace rruled::io
