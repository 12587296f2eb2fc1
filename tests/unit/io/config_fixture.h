#pragma once

#include "daemon/io/config.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

namespace rruled::test {

// A folder of configuration files, and surroundings that know nothing else.
struct ConfigSetup {
  TempDir folder;
  io::Environment environment;

  ConfigSetup() {
    environment.system_file = path("absent.toml");
    environment.variables["HOME"] = "/home/somebody";
  }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const {
    return std::filesystem::path(folder.path()) / name;
  }
  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(path(name).parent_path());
    std::ofstream(path(name)) << text;
    return path(name);
  }
  [[nodiscard]] io::Config good(const std::optional<std::filesystem::path>& file = {}) const {
    auto loaded = io::load_config(file, environment);
    if (!loaded) FAIL(to_string(loaded.error().front()));
    return std::move(*loaded);
  }
  [[nodiscard]] std::string bad(const std::optional<std::filesystem::path>& file = {}) const {
    const auto loaded = io::load_config(file, environment);
    REQUIRE_FALSE(loaded.has_value());
    return to_string(loaded.error().front());
  }
};

}  // namespace rruled::test
