#include "daemon/cli/session.h"

#include "daemon/cli/output.h"
#include "daemon/io/calendar_finder.h"
#include "store/memory_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iostream>

namespace rruled::cli {
namespace {

constexpr std::size_t kJsonBytesMax = std::size_t{256} << 20U;

// The API's "flows__0__retry__max_attempts" as people write it: "flows[0].retry.max_attempts". A
// file that it begins with ("a.json: flows__0") keeps its name.
std::string path_of(std::string_view attr) {
  const auto colon = attr.rfind(": ");
  const std::string file(attr.substr(0, colon == std::string_view::npos ? 0 : colon + 2));
  attr.remove_prefix(file.size());
  std::string path;
  while (!attr.empty()) {
    const auto end = std::min(attr.find("__"), attr.size());
    const auto part = attr.substr(0, end);
    const bool index =
        !path.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    if (index)
      path.append("[").append(part).append("]");
    else
      path.append(path.empty() ? "" : ".").append(part);
    attr.remove_prefix(std::min(end + 2, attr.size()));
  }
  return file + path;
}

std::string describe(const core::FieldError& error) {
  std::string text = error.attr.empty() ? error.detail : path_of(error.attr) + ": " + error.detail;
  if (!error.hint.empty()) text += " " + error.hint;
  return cell(text);  // one line, whatever the file said
}

std::string lines_of(const std::vector<io::ConfigError>& errors) {
  std::string text;
  for (const auto& each : errors) text += (text.empty() ? "" : "\n") + io::to_string(each);
  return text;
}

std::string read_all(std::istream& in, const std::string& name, std::size_t bytes_max) {
  std::string text;
  char buffer[65'536];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > bytes_max)
      throw Failure(kRefused, name + " is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return text;
}

}  // namespace

Failure::Failure(const core::FieldError& error) : Failure(kRefused, describe(error)) {}

const io::Config& Session::config() {
  if (config_) return *config_;
  auto loaded = io::load_config(config_file, environment_);
  if (!loaded) throw Failure(kConfiguration, lines_of(loaded.error()));
  config_ = std::move(*loaded);
  return *config_;
}

const io::Config& Session::usable_config() {
  const auto errors = io::check_named_files(config());
  if (errors.empty()) return config();
  throw Failure(kConfiguration, lines_of(errors));
}

boost::system::result<io::Config, std::string> Session::load_again() const {
  auto loaded = io::load_config(config_file, environment_);
  if (!loaded) return lines_of(loaded.error());
  if (const auto errors = io::check_named_files(*loaded); !errors.empty()) return lines_of(errors);
  return std::move(*loaded);
}

const rrule::ZoneDatabase& Session::zones() {
  if (!zones_) {
    const auto& folder = config().tzdata.directory;
    zones_ = std::make_unique<rrule::ZoneDatabase>(
        folder.empty() ? rrule::ZoneDatabase::default_folder() : folder);
  }
  return *zones_;
}

store::Store& Session::open(store::OpenMode mode) {
  if (!store_) {
    if (mode == store::OpenMode::command) make_default_store_folder(config());
    store_ = store::open_store(config().store.location, mode);
  }
  return *store_;
}

store::Store& Session::store_to_write() { return open(store::OpenMode::command); }
store::Store& Session::store_to_try() {
  std::error_code error;
  const auto& file = config().store.sqlite_file;
  if (!store_ && !file.empty() && !std::filesystem::exists(file, error))
    store_ = std::make_unique<store::MemoryStore>();
  return open(store::OpenMode::read_only);
}

store::Store& Session::store_to_read() {
  const auto& file = config().store.sqlite_file;
  std::error_code error;
  // Of a path that somebody chose the store says what is wrong with it.
  if (!store_ && !file.empty() && !config().origins.contains("store.url") &&
      !std::filesystem::exists(file, error) && !error)
    throw Failure(kRefused, "there is no store yet (" + file.string() +
                                "): `rruled flow create` or `rruled run` makes it");
  return open(store::OpenMode::read_only);
}

core::ScheduleRules Session::rules() {
  auto rules = io::schedule_rules(config(), zones());
  rules.calendars = [this](std::int64_t project, const std::string& name) {
    return store_ ? io::calendar_finder(directory(), zones())(project, name) : nullptr;
  };
  return rules;
}

store::Directory& Session::directory() {
  if (!directory_) directory_ = store_->directory();
  return *directory_;
}

std::string Session::read_input(const std::string& path, std::size_t bytes_max) {
  if (path == "-") return read_all(in(), "standard input", bytes_max);
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw Failure(kRefused, path + " is a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Failure(kRefused, "cannot read " + path + ": " + std::generic_category().message(errno));
  return read_all(file, path, bytes_max);
}

boost::json::value Session::read_json(const std::string& path,
                                      const std::string& advice,
                                      std::size_t depth_max) {
  const std::string text = read_input(path, kJsonBytesMax);
  auto value = core::parse_json(text, core::LongIntegers::refused, depth_max);
  if (value) return std::move(*value);
  const auto& error = value.error();
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool begun = first != std::string::npos && (text[first] == '{' || text[first] == '[');
  throw Failure(kRefused, (path == "-" ? "standard input" : path) + ":" +
                              std::to_string(error.line) + ":" + std::to_string(error.column) +
                              ": not JSON: " + error.detail + (begun ? "" : advice));
}

void make_default_store_folder(const io::Config& config) {
  if (config.origins.contains("store.url")) return;
  const auto folder = config.store.sqlite_file.parent_path();
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  // What is in the store is for its owner: bodies, output, persons.
  if (!error && ::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    error.assign(errno, std::generic_category());
  if (error)
    throw Failure(kRefused, "cannot make the folder " + folder.string() + " for the store: " +
                                error.message() + "; or set store.url (RRULED_STORE_URL)");
}

}  // namespace rruled::cli
