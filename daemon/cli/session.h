#pragma once

#include "daemon/core/json_text.h"
#include "daemon/core/schedule_json.h"
#include "daemon/io/clock.h"
#include "daemon/io/companion.h"
#include "daemon/io/config.h"
#include "rrule/zone_database.h"
#include "store/directory.h"
#include "store/open.h"

#include <boost/json/value.hpp>

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace rruled::cli {

// 0: done. Every command ends with one of these.
inline constexpr int kRefused = 1;         // input, the store or the other side said no
inline constexpr int kUsage = 2;           // the command line itself is wrong
inline constexpr int kConfiguration = 78;  // sysexits' EX_CONFIG

// Why a command ends without having done what it was asked: one or two lines for a person, saying
// what to do next. Thrown by commands, caught by main alone.
class Failure : public std::runtime_error {
 public:
  Failure(int exit_code, const std::string& message)
      : std::runtime_error(message), exit_code_(exit_code) {}
  explicit Failure(const core::FieldError& error);
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

// What every command works with: streams, surroundings, and from the configuration, when first
// asked for, zones and store.
class Session {
 public:
  struct Streams {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
  };
  // `companion`: what `run` has beside the engine; empty: nothing.
  Session(Streams streams, io::Environment environment, io::CompanionMaker companion = {})
      : streams_(streams), environment_(std::move(environment)), companion_(std::move(companion)) {}

  [[nodiscard]] std::istream& in() { return streams_.in; }
  [[nodiscard]] std::ostream& out() { return streams_.out; }
  [[nodiscard]] std::ostream& err() { return streams_.err; }
  [[nodiscard]] const io::Clock& clock() const { return clock_; }
  [[nodiscard]] store::Timestamp now() const { return clock_.now(); }

  // Throws Failure 78 with every mistake in it.
  [[nodiscard]] const io::Config& config();
  // The same, when the files that it names can be used too.
  [[nodiscard]] const io::Config& usable_config();
  [[nodiscard]] const rrule::ZoneDatabase& zones();
  // Writes beside a daemon; or reads only, which never makes a file. One of the two in a process.
  [[nodiscard]] store::Store& store_to_write();
  [[nodiscard]] store::Store& store_to_read();
  // As store_to_read, but where there is no file yet: empty.
  [[nodiscard]] store::Store& store_to_try();
  [[nodiscard]] const io::CompanionMaker& companion() const { return companion_; }
  // Reads the configuration anew, with the files that it names, and keeps what it had; any thread.
  // An error has each mistake on a line.
  [[nodiscard]] boost::system::result<io::Config, std::string> load_again() const;
  // What schedules must satisfy here. Calendars are those of the store, once it is open.
  [[nodiscard]] core::ScheduleRules rules();
  // Of the store that is open.
  [[nodiscard]] store::Directory& directory();

  // The whole of `path`, or of standard input for "-". At most `bytes_max`.
  [[nodiscard]] std::string read_input(const std::string& path, std::size_t bytes_max);
  // `advice` follows the error about what does not even begin as JSON.
  [[nodiscard]] boost::json::value read_json(const std::string& path,
                                             const std::string& advice = "",
                                             std::size_t depth_max = core::kJsonDepthMax);

  std::optional<std::filesystem::path> config_file;  // --config

 private:
  [[nodiscard]] store::Store& open(store::OpenMode mode);

  Streams streams_;
  io::Environment environment_;
  io::CompanionMaker companion_;
  io::SystemClock clock_;
  std::optional<io::Config> config_;
  std::unique_ptr<rrule::ZoneDatabase> zones_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Directory> directory_;
};

// The directories above the store's file, where nobody configured the file: a first start needs no
// preparation. The last of them is for its owner alone.
void make_default_store_folder(const io::Config& config);

}  // namespace rruled::cli
