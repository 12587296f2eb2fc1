#include "daemon/io/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace rruled::io {
namespace {

// proc(5), /proc/pid/stat: fields by number, from 3 on, as the second may hold blanks.
constexpr int kUserTime = 14;
constexpr int kSystemTime = 15;
constexpr int kStartTime = 22;
constexpr int kVirtualBytes = 23;
constexpr int kResidentPages = 24;

// Not from /proc/stat, which a sandbox hides.
double boot_seconds() {
  timespec wall{};
  timespec since_boot{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return static_cast<double>(wall.tv_sec - since_boot.tv_sec) +
         static_cast<double>(wall.tv_nsec - since_boot.tv_nsec) / 1e9;
}

std::uint64_t count_fds() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder))
    if (entry->d_name[0] != '.') ++count;
  ::closedir(folder);
  return count > 0 ? count - 1 : 0;  // the folder's own
}

}  // namespace

ProcessStats process_stats() {
  ProcessStats stats;
  std::ifstream in("/proc/self/stat");
  std::string text;
  std::getline(in, text);
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return stats;
  std::istringstream fields(text.substr(end_of_name + 1));
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::string word;
  for (int number = 3; number <= kResidentPages && fields >> word; ++number) {
    if (number < kUserTime) continue;
    const auto value = std::stod(word);
    if (number == kUserTime || number == kSystemTime) stats.cpu_seconds += value / ticks;
    if (number == kStartTime) stats.start_seconds = boot_seconds() + value / ticks;
    if (number == kVirtualBytes) stats.virtual_bytes = static_cast<std::uint64_t>(value);
    if (number == kResidentPages)
      stats.resident_bytes =
          static_cast<std::uint64_t>(value) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  stats.open_fds = count_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  return stats;
}

}  // namespace rruled::io
