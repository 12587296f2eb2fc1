#pragma once

#include "tests/e2e/daemon_fixture.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <fstream>
#include <string>

namespace rruled::test {

// A daemon whose API listens; the address is read from its log.
class Serving {
 public:
  explicit Serving(const Installation& here, const std::string& what = "api")
      : daemon(here.daemon(), here.environment) {
    const std::string mark = what + ": listening on ";
    const auto line = daemon.read_until(mark, kPatience);
    REQUIRE(!line.empty());
    address = line.substr(line.find(mark) + mark.size());
    address = address.substr(0, address.find_first_of(",\""));
  }
  int stop() {
    daemon.send_signal(SIGTERM);
    return daemon.wait();
  }
  testing::BackgroundProcess daemon;
  std::string address;
};

// What curl prints; it must succeed.
inline std::string curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"/usr/bin/curl", "--silent", "--show-error"});
  const auto answer = testing::run_process(arguments);
  INFO(answer.err);
  REQUIRE(answer.exit_code == 0);
  return answer.out;
}

inline void write_file(const std::string& file, const std::string& text) {
  std::ofstream(file) << text;
}

}  // namespace rruled::test
