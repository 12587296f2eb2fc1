#pragma once

#include "daemon/io/fd.h"

#include <boost/system/result.hpp>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

namespace rruled::io {

// Sees to it that no command outlives the daemon, however it dies. Io thread only.
//
// A small process, forked at construction (early: it keeps a copy of our memory), holds the read
// end of a pipe whose only write end is ours. The process group of every command stands in a table
// that both share, written by the command's process before the program in it begins. The end of the
// pipe means that the daemon is gone: the guard sends KILL to every group in the table and leaves.
// Besides, the kernel kills a command's first process when the io thread ends (PR_SET_PDEATHSIG),
// which holds even where the guard is killed along with the daemon.
//
// Out of reach: a process that left its group (setsid, setpgid) and, if daemon and guard are killed
// at one time, the children of a command. A service manager's control group covers both.
class ProcessGuard {
 public:
  static constexpr std::size_t kCommandsMax = 4096;  // at one time

  // A place in the table: the command's group id, 0 while there is none.
  using Group = std::atomic<pid_t>;

  // Throws std::system_error when the process cannot be made.
  ProcessGuard();
  ProcessGuard(const ProcessGuard&) = delete;
  ProcessGuard& operator=(const ProcessGuard&) = delete;
  // Kills what still runs.
  ~ProcessGuard();

  // A free place. Starts a new guard if the last one is gone. Error: kCommandsMax commands run, or
  // the system has no room for a process.
  [[nodiscard]] boost::system::result<Group*> reserve();
  // Where orphans come to us (as process 1 of a container), takes away those that have ended.
  void reap_orphans() const;
  // Call while the group id cannot have been given to another: before its first process is reaped.
  void release(Group* place);

 private:
  [[nodiscard]] boost::system::error_code start();
  [[nodiscard]] bool gone();

  std::span<Group> groups_;  // shared memory
  std::vector<bool> taken_;
  std::size_t next_ = 0;  // where the search for a free place begins
  pid_t pid_ = -1;
  Fd pipe_;
};

}  // namespace rruled::io
