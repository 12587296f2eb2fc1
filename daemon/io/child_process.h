#pragma once

#include "daemon/io/fd.h"
#include "daemon/io/process_guard.h"

#include <boost/system/result.hpp>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace rruled::io {

// A program in a process group of its own, from start to reaping. Io thread only.
class ChildProcess {
 public:
  struct Program {
    std::string path;
    std::vector<std::string> argv;
    std::vector<std::string> environment;  // NAME=value, all of it
    int in, out, err;                      // file descriptors that become 0, 1 and 2
  };
  struct Exit {
    std::optional<int> code;  // else killed by `signal`
    int signal = 0;
    bool left_others = false;  // processes of its group that lived on were killed
  };

  // Returns when the program has begun, or with the error that kept it from beginning. Its signals
  // are as by default, it inherits no descriptor but the three, and may have as many as the daemon
  // was given at first (descriptor_limit.h). `guard` must outlive the child.
  [[nodiscard]] static boost::system::result<ChildProcess> start(const Program& program,
                                                                 ProcessGuard& guard);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills the group if it was not reaped.
  ~ChildProcess();

  // Becomes readable when the program ends. The caller's from now on.
  [[nodiscard]] Fd take_pidfd() { return std::move(pidfd_); }

  // To the whole group. Not after reap().
  void signal(int number) const;

  // Waits for the end; kills what is left of the group. Once.
  Exit reap();

 private:
  ChildProcess(pid_t pid, Fd pidfd, ProcessGuard& guard, ProcessGuard::Group* group);

  pid_t pid_;  // also the group's id; -1 after reap()
  Fd pidfd_;
  ProcessGuard& guard_;
  ProcessGuard::Group* group_;
};

}  // namespace rruled::io
