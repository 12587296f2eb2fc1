#include "daemon/io/child_process.h"

#include "daemon/io/descriptor_limit.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <utility>

// glibc's clone() by its other name. ThreadSanitizer replaces the first with one that takes every
// child for a fork, and from then on overlooks what the parent's thread does.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" int __clone(
    int (*function)(void*), void* stack, int flags, void* argument, ...) noexcept;

namespace rruled::io {
namespace {

using boost::system::error_code;

constexpr std::size_t kStackBytes = 64 * 1024;

// What the child's first steps need. They run in our memory while we wait (CLONE_VM, CLONE_VFORK),
// as posix_spawn does it: that costs the same however much memory the daemon has, and `error` needs
// no pipe to come back. posix_spawn itself has no room for the group's place and PR_SET_PDEATHSIG.
struct FirstSteps {
  const char* path;
  char* const* argv;
  char* const* environment;
  std::array<int, 3> descriptors;
  ProcessGuard::Group* group;
  std::optional<rlimit> descriptor_limit;
  pid_t parent;
  int error = 0;
};

// All zero: SIG_DFL, no flags. By system call because sanitizers keep books on sigaction() in
// memory that is the parent's, too. A handler must be gone before signals are let in: it would run
// in the parent's memory.
constexpr std::array<char, 128> kDefaultAction{};
constexpr std::size_t kKernelSignalSetBytes = 8;

[[gnu::no_sanitize("address", "thread", "undefined")]] int take_first_steps(void* argument) {
  auto& steps = *static_cast<FirstSteps*>(argument);
  if (::setpgid(0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) {
    if (::getppid() != steps.parent) ::_exit(127);  // it died before the line above
    steps.group->store(::getpid());
    if (steps.descriptor_limit) ::setrlimit(RLIMIT_NOFILE, &*steps.descriptor_limit);
    int target = 0;
    for (const int descriptor : steps.descriptors)
      if (::dup2(descriptor, target++) < 0) steps.error = errno;
    ::close_range(STDERR_FILENO + 1, UINT_MAX, 0);
    for (int number = 1; number <= SIGRTMAX; ++number)
      ::syscall(SYS_rt_sigaction, number, kDefaultAction.data(), nullptr, kKernelSignalSetBytes);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (steps.error == 0) ::execve(steps.path, steps.argv, steps.environment);
  }
  if (steps.error == 0) steps.error = errno;
  ::_exit(127);
}

// As exec wants them: pointers into `texts`, and a null.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// The process id, or -1 and errno. The pidfd comes with it: opened later it may find no descriptor
// free, with the program under way.
pid_t clone_with_all_signals_blocked(FirstSteps& steps, int& pidfd) {
  std::vector<char> stack(kStackBytes);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid =
      ::__clone(take_first_steps, stack.data() + stack.size(),
                CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &steps, &pidfd, nullptr, nullptr);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// Whether there was more in a group that was killed and whose first process is gone. Not asked
// before: the first alone, ended and not yet taken away, counts as a process of its group.
bool had_others(pid_t group) {
  // Orphans that come to us stay until they are taken; one that had ended by itself is no other.
  const auto id = static_cast<id_t>(group);
  for (siginfo_t info{}; ::waitid(P_PGID, id, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0;
       info = {})
    if (info.si_code == CLD_KILLED && info.si_status == SIGKILL) return true;
  return ::kill(-group, 0) == 0;
}

error_code system_error(int number) { return {number, boost::system::system_category()}; }

}  // namespace

boost::system::result<ChildProcess> ChildProcess::start(const Program& program,
                                                        ProcessGuard& guard) {
  const auto group = guard.reserve();
  if (!group) return group.error();
  const auto argv = pointers(program.argv);
  const auto environment = pointers(program.environment);
  FirstSteps steps{program.path.c_str(),
                   argv.data(),
                   environment.data(),
                   {program.in, program.out, program.err},
                   *group,
                   first_descriptor_limit(),
                   ::getpid()};
  int pidfd = -1;
  const pid_t pid = clone_with_all_signals_blocked(steps, pidfd);
  if (pid < 0) {
    const error_code error = system_error(errno);
    guard.release(*group);
    return error;
  }
  ChildProcess child(pid, Fd(pidfd), guard, *group);
  if (steps.error != 0) return system_error(steps.error);
  return child;
}

ChildProcess::ChildProcess(pid_t pid, Fd pidfd, ProcessGuard& guard, ProcessGuard::Group* group)
    : pid_(pid), pidfd_(std::move(pidfd)), guard_(guard), group_(group) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      guard_(other.guard_),
      group_(other.group_) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  signal(SIGKILL);
  reap();
}

void ChildProcess::signal(int number) const { ::kill(-pid_, number); }

ChildProcess::Exit ChildProcess::reap() {
  siginfo_t info{};
  const auto id = static_cast<id_t>(pid_);
  // First without taking it away: until then its id, and so the group's, is not given to another.
  while (::waitid(P_PID, id, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
  signal(SIGKILL);
  guard_.release(group_);
  while (::waitid(P_PID, id, &info, WEXITED) != 0 && errno == EINTR) continue;
  const bool left_others = had_others(std::exchange(pid_, -1));
  guard_.reap_orphans();
  if (info.si_code == CLD_EXITED) return {info.si_status, 0, left_others};
  return {std::nullopt, info.si_status, left_others};
}

}  // namespace rruled::io
