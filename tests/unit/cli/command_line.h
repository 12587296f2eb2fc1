#pragma once

#include "daemon/cli/commands.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_store.h"
#include "tests/support/temp_dir.h"

#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace rruled::test {

// Command lines on the store of one folder, run in this process.
class CommandLine {
 public:
  struct Result {
    int exit_code = 0;
    std::string out, err;
  };
  [[nodiscard]] Result rruled(std::vector<std::string> arguments,
                              const std::string& input = "") const {
    arguments.insert(arguments.begin(), "rruled");
    std::vector<const char*> argv;
    for (const auto& each : arguments) argv.push_back(each.c_str());
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    io::Environment environment;
    environment.variables["RRULED_STORE_URL"] = "sqlite://" + file();
    environment.system_file = folder_.file("absent.toml");
    cli::Session session({in, out, err}, environment);
    const int code = cli::execute(static_cast<int>(argv.size()), argv.data(), session);
    return {code, out.str(), err.str()};
  }
  [[nodiscard]] std::string file() const { return file("rruled.db"); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::unique_ptr<store::SqliteStore> open() const {
    return store::open_sqlite(file(), store::OpenMode::command);
  }
  void sql(const std::string& text) const { open()->connection().database().exec(text); }
  [[nodiscard]] std::int64_t number(const std::string& query) const {
    return open()->connection().database().execAndGet(query).getInt64();
  }

 private:
  TempDir folder_{fast_directory()};
};

}  // namespace rruled::test
