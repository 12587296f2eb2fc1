#include "daemon/cli/doctor.h"

#include <filesystem>

namespace rruled::cli {
namespace {

bool others_may(const std::filesystem::path& path, std::filesystem::perms what) {
  std::error_code error;
  const auto mode = std::filesystem::status(path, error).permissions();
  return !error && (mode & what) != std::filesystem::perms::none;
}

// By its own mode and that of the folder it is in.
bool all_may_read(const std::filesystem::path& file) {
  using std::filesystem::perms;
  std::error_code error;
  const auto folder = std::filesystem::absolute(file, error).parent_path();
  return others_may(file, perms::others_read) && others_may(folder, perms::others_exec);
}

// postgresql://user:password@host/.. or ..?password=..
bool has_password(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == std::string::npos) return false;
  const auto authority = url.substr(begin + 3, url.find_first_of("/?", begin + 3) - (begin + 3));
  const auto user = authority.substr(0, authority.rfind('@'));
  return (user.size() < authority.size() && user.find(':') != std::string::npos) ||
         url.find("password=") != std::string::npos;
}

}  // namespace

void check_secrets(Session& session, std::vector<Finding>& findings) {
  const auto& config = session.config();
  const auto look_at = [&](const std::string& what, const std::filesystem::path& file) {
    if (file.empty() || !all_may_read(file)) return;
    findings.push_back({"configuration", true,
                        file.string() + " holds " + what + ", and every user may read it",
                        "chmod o-rwx " + file.string()});
  };
  for (const auto& file : config.sources)
    for (const auto& [key, url] : {std::pair("store.url", config.store.location.url),
                                   std::pair("store.listen_url", config.store.location.listen_url)})
      if (const auto origin = config.origins.find(key); origin != config.origins.end() &&
                                                        origin->second.starts_with(file + ":") &&
                                                        has_password(url)) {
        look_at("a password (" + std::string(key) + ")", file);
        break;  // one finding a file
      }
  for (const auto& each : config.executors)
    look_at("the secret of executors." + each.name + ".token_file", each.token_file);
  look_at("the secret of notify.key_file", config.notify.key_file);
  look_at("the secret of api.tls_key", config.api.tls_key);
}

}  // namespace rruled::cli
