#include "daemon/io/process_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <system_error>

namespace rruled::io {
namespace {

using boost::system::error_code;
using Group = ProcessGuard::Group;

static_assert(Group::is_always_lock_free, "it is shared between processes");

std::span<Group> shared_groups() {
  void* const memory = ::mmap(nullptr, ProcessGuard::kCommandsMax * sizeof(Group),
                              PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
  return {new (memory) Group[ProcessGuard::kCommandsMax]{}, ProcessGuard::kCommandsMax};
}

void kill_all(std::span<Group> groups) {
  for (const Group& group : groups)
    if (const pid_t id = group.load(); id > 1) ::kill(-id, SIGKILL);
}

// The guard process. Forked from a process with threads, so it makes only system calls.
[[noreturn]] void watch(int pipe, std::span<Group> groups) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setsid();  // out of reach of a terminal's Ctrl-C
  // What it inherited it must not hold open: the store's lock, sockets, our end of the pipe.
  ::dup2(pipe, STDIN_FILENO);
  ::close_range(STDIN_FILENO + 1, UINT_MAX, 0);
  ::prctl(PR_SET_NAME, "run-guard");
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) continue;
  kill_all(groups);
  ::_exit(0);
}

}  // namespace

ProcessGuard::ProcessGuard() : groups_(shared_groups()), taken_(kCommandsMax) {
  if (const error_code error = start(); error)
    throw std::system_error(error.value(), std::system_category(), "cannot start the run guard");
}

ProcessGuard::~ProcessGuard() {
  kill_all(groups_);
  if (!gone()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::munmap(groups_.data(), groups_.size_bytes());
}

error_code ProcessGuard::start() {
  Fd::Pipe pipe = Fd::pipe();
  if (!pipe.read) return last_error();
  pid_ = ::fork();
  if (pid_ < 0) return last_error();
  if (pid_ == 0) watch(pipe.read.get(), groups_);
  pipe_ = std::move(pipe.write);
  return {};
}

bool ProcessGuard::gone() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = -1;
  return pid_ < 0;
}

boost::system::result<Group*> ProcessGuard::reserve() {
  if (gone())
    if (const error_code error = start(); error) return error;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    const std::size_t place = (next_ + i) % taken_.size();
    if (taken_[place]) continue;
    taken_[place] = true;
    next_ = place + 1;
    return &groups_[place];
  }
  return error_code(EAGAIN, boost::system::system_category());
}

void ProcessGuard::reap_orphans() const {
  int adopts = 0;
  if (::getpid() != 1 && (::prctl(PR_GET_CHILD_SUBREAPER, &adopts) != 0 || adopts == 0)) return;
  // Looked at first: a command's own process, and the guard, are for others to take.
  for (siginfo_t ended{};; ended = {}) {
    if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
    const auto is_ours = [&](const Group& group) { return group.load() == ended.si_pid; };
    if (ended.si_pid == pid_ || std::ranges::any_of(groups_, is_ours)) return;
    ::waitpid(ended.si_pid, nullptr, WNOHANG);
  }
}

void ProcessGuard::release(Group* place) {
  place->store(0);
  taken_[static_cast<std::size_t>(place - groups_.data())] = false;
}

}  // namespace rruled::io
