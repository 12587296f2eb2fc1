#include "daemon/io/program.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace rruled::io {
namespace {

constexpr std::string_view kUsualPath = "/usr/local/bin:/usr/bin:/bin";

bool may_run(const std::string& file) {
  std::error_code ignored;
  return ::access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file, ignored);
}

}  // namespace

std::string search_path() {
  const char* const path = std::getenv("PATH");
  return path != nullptr ? path : std::string(kUsualPath);
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const std::string path = search_path();
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    std::string file = path.substr(begin, end - begin) + "/" + name;
    if (may_run(file)) return file;
    begin = end + 1;
  }
  return {};
}

std::string why_no_program(const std::string& name) {
  const std::string file = find_program(name);
  if (!file.empty() && may_run(file)) return {};
  return "there is no program " + name + " that this user may run";
}

}  // namespace rruled::io
