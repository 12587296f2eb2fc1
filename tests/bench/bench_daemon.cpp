#include "tests/bench/bench_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace rruled::bench {
namespace {

using Steady = std::chrono::steady_clock;

int notify_socket(const std::string& path) {
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot bind " + path);
  return fd;
}

bool wait_until_ready(int fd, Steady::time_point deadline) {
  std::array<char, 4'096> text{};
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    pollfd waiting{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return false;
    const auto size = ::recv(fd, text.data(), text.size(), 0);
    if (size > 0 && std::string(text.data(), static_cast<std::size_t>(size)).find("READY=1") !=
                        std::string::npos)
      return true;
  }
}

}  // namespace

BenchDaemon::BenchDaemon(const std::string& rruled,
                         const std::string& config,
                         const std::string& folder) {
  const std::string config_file = folder + "/rruled.toml";
  const std::string log_file = folder + "/rruled.log";
  const std::string socket = folder + "/notify";
  std::ofstream(config_file) << config;
  const int notify = notify_socket(socket);
  const auto began = Steady::now();
  pid_ = ::fork();
  if (pid_ == 0) {
    const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::setenv("NOTIFY_SOCKET", socket.c_str(), 1);
    ::setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=2000", 1);  // as rruled.service does
    ::execl(rruled.c_str(), rruled.c_str(), "run", "--config", config_file.c_str(), nullptr);
    ::_exit(127);
  }
  const bool ready = wait_until_ready(notify, began + std::chrono::minutes(1));
  ::close(notify);
  to_ready_ = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began);
  if (!ready) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    std::stringstream log;
    log << std::ifstream(log_file).rdbuf();
    throw std::runtime_error("the daemon did not come up:\n" + log.str());
  }
}

BenchDaemon::~BenchDaemon() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

std::size_t BenchDaemon::peak_memory_mb() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoul(line.c_str() + 6, nullptr, 10) / 1'024;
  return 0;
}

std::chrono::milliseconds BenchDaemon::cpu_time() const {
  std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
  std::string word;
  long ticks = 0;
  for (int field = 1; field <= 15 && stat >> word; ++field)
    if (field >= 14) ticks += std::atol(word.c_str());
  return std::chrono::milliseconds(ticks * 1'000 / ::sysconf(_SC_CLK_TCK));
}

}  // namespace rruled::bench
