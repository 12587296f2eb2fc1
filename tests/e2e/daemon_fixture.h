#pragma once

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

#include <boost/json.hpp>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace rruled::test {

// A folder with a store and a configuration, and the binary to run on it.
class Installation {
 public:
  // `config` is appended to a [store] section that names store().
  explicit Installation(const std::string& config = "");

  [[nodiscard]] std::string store() const { return dir_.file("rruled.db"); }
  [[nodiscard]] std::string file(const std::string& name) const { return dir_.file(name); }
  [[nodiscard]] const std::string& config() const { return config_; }
  std::map<std::string, std::string> environment;

  // Runs `rruled ARGUMENTS --config ..` to its end.
  [[nodiscard]] testing::ProcessResult rruled(std::vector<std::string> arguments,
                                              const std::string& input = "") const;
  // The same; must exit 0; its output as JSON.
  [[nodiscard]] boost::json::value json(std::vector<std::string> arguments,
                                        const std::string& input = "") const;
  // One flow with one schedule, by `rruled import`; its id.
  std::string add_schedule(const std::string& rrule,
                           const std::string& starts_at = "now",
                           const std::string& more = "") const;
  // Every run, by `runs list`, in order of due_at.
  [[nodiscard]] boost::json::array runs() const;

  // `argv` of the daemon, `rruled run`.
  [[nodiscard]] std::vector<std::string> daemon(std::vector<std::string> more = {}) const;

 private:
  TempDir dir_;
  std::string config_;
};

inline constexpr std::chrono::seconds kPatience{20};  // nothing waits so long unless it is broken

inline const std::string kTwoSchedules = RRULED_SOURCE_DIR "/tests/data/two_schedules.json";

[[nodiscard]] inline std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace rruled::test
