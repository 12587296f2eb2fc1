#pragma once

#include "sample.h"
#include "store/sqlite_store.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace rruled::test {

inline constexpr OpenMode kModes[] = {OpenMode::daemon, OpenMode::command, OpenMode::read_only};

// A store with flow 1 and schedule 1, closed.
inline void make_store(const std::string& path) {
  const auto store = open_sqlite(path, OpenMode::daemon);
  REQUIRE_FALSE(
      store->write({.flows = {{a_flow(), {}}}, .schedules = {{a_schedule(), {}}}}, at(0)));
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace rruled::test
