#include "tests/support/postgres_cluster.h"

#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace rruled::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr int kOldest = 13;
constexpr int kNewest = 18;

// Where Debian puts the programs of the newest version that is installed.
std::string programs() {
  for (int version = kNewest; version >= kOldest; --version) {
    const auto directory = "/usr/lib/postgresql/" + std::to_string(version) + "/bin/";
    if (fs::exists(directory + "initdb")) return directory;
  }
  return "";
}

std::string run(std::vector<std::string> argv, const std::string& log = "") {
  const auto program = argv.front();
  const auto result = run_process(as_postgres(std::move(argv)), {.timeout = seconds(120)});
  if (result.exit_code != 0) {
    std::ifstream file(log);
    std::stringstream text;
    text << program << " failed with " << result.exit_code << ": " << result.out << result.err
         << file.rdbuf();
    throw std::runtime_error(text.str());
  }
  return result.out;
}

}  // namespace

std::vector<std::string> as_postgres(std::vector<std::string> argv) {
  if (::geteuid() != 0) return argv;
  std::vector<std::string> all = {"/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres",
                                  "--clear-groups"};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound =
      ::bind(socket, generic, size) == 0 && ::getsockname(socket, generic, &size) == 0;
  ::close(socket);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

std::string PostgresCluster::missing() {
  if (programs().empty()) return "PostgreSQL is not installed: ./dev deps";
  if (::geteuid() == 0 && ::getpwnam("postgres") == nullptr)
    return "there is no user postgres, and PostgreSQL does not run as root";
  return "";
}

PostgresCluster::PostgresCluster(const Options& options) : options_(options) {
  if (const auto why = missing(); !why.empty()) throw std::runtime_error(why);
  make_directory();
  run({programs() + "initdb", "-D", directory_ + "/data", "-U", "postgres", "-A", "trust", "-N",
       "-E", "UTF8", "--locale=C.UTF-8"});
  write_settings();
  guard();
  start();
}

PostgresCluster::PostgresCluster(Standby, const PostgresCluster& primary)
    : options_(primary.options_) {
  make_directory();
  run({programs() + "pg_basebackup", "-D", directory_ + "/data", "-R", "-X", "stream", "-c", "fast",
       "-d", primary.url()});
  write_settings();
  guard();
  start();
}

PostgresCluster::~PostgresCluster() {
  try {
    if (running_) stop(Stop::immediate);
  } catch (const std::exception&) {
    // The guard tries again.
  }
  guard_->close_input();
  guard_->wait();
}

void PostgresCluster::make_directory() {
  auto pattern = (fs::temp_directory_path() / "rruled-pg-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  directory_ = pattern;
  if (::geteuid() != 0) return;
  const auto* user = ::getpwnam("postgres");
  if (::chown(directory_.c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("chown " + directory_);
}

void PostgresCluster::write_settings() {
  port_ = free_port();
  std::ofstream file(directory_ + "/data/postgresql.conf", std::ios::app);
  file << "listen_addresses = '127.0.0.1'\nport = " << port_ << "\nunix_socket_directories = '"
       << directory_ << "'\nmax_connections = 200\nfsync = " << (options_.fsync ? "on" : "off")
       << "\nwal_level = replica\nmax_wal_senders = 5\nwal_retrieve_retry_interval = 100ms\n"
       << "jit = off\n"  // half a second for each look at a schema that is new
       << options_.settings << "\n";
}

void PostgresCluster::guard() {
  const auto script = "read line; '" + programs() + "pg_ctl' -D '" + directory_ +
                      "/data' -m immediate stop >/dev/null 2>&1; rm -rf '" + directory_ + "'";
  guard_.emplace(as_postgres({"/bin/sh", "-c", script}));
}

void PostgresCluster::start() {
  run({programs() + "pg_ctl", "-D", directory_ + "/data", "-l", directory_ + "/log", "-w", "-t",
       "60", "start"},
      directory_ + "/log");
  running_ = true;
}

void PostgresCluster::stop(Stop mode) {
  const char* word = mode == Stop::smart ? "smart" : mode == Stop::fast ? "fast" : "immediate";
  run({programs() + "pg_ctl", "-D", directory_ + "/data", "-m", word, "-w", "-t", "60", "stop"},
      directory_ + "/log");
  running_ = false;
}

namespace {

int main_process(const std::string& directory) {
  std::ifstream file(directory + "/data/postmaster.pid");
  int pid = 0;
  if (!(file >> pid)) throw std::runtime_error("the server is not running");
  return pid;
}

}  // namespace

void PostgresCluster::freeze() const { ::kill(main_process(directory_), SIGSTOP); }
void PostgresCluster::thaw() const { ::kill(main_process(directory_), SIGCONT); }

std::unique_ptr<PostgresCluster> PostgresCluster::make_standby() {
  return std::unique_ptr<PostgresCluster>(new PostgresCluster(Standby{}, *this));
}

void PostgresCluster::promote() {
  run({programs() + "pg_ctl", "-D", directory_ + "/data", "-w", "-t", "60", "promote"},
      directory_ + "/log");
}

std::string PostgresCluster::url(const std::string& user, const std::string& database) const {
  return "postgresql://" + user + "@" + address() + "/" + database;
}

std::string PostgresCluster::sql(const std::string& statements) const {
  auto out = run({programs() + "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url(),
                  "-c", statements});
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

PostgresCluster& shared_postgres() {
  static PostgresCluster cluster({.fsync = false, .settings = ""});
  return cluster;
}

}  // namespace rruled::testing
