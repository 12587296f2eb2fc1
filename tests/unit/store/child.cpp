#include "child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace rruled::test {
namespace {

[[noreturn]] void be_child(
    int out, const std::function<void(const std::function<void(const std::string&)>& say)>& work) {
  const auto say = [out](const std::string& text) {
    if (::write(out, text.data(), text.size()) < 0) ::_exit(99);
  };
  try {
    work(say);
  } catch (const std::exception& error) {
    say(std::string("threw ") + error.what());
  }
  // No destructors and no output of the test program: they are the parent's.
  ::_exit(0);
}

}  // namespace

ChildEnd run_in_child(
    const std::function<void(const std::function<void(const std::string&)>& say)>& work) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe");
  const auto pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) {
    ::close(ends[0]);
    be_child(ends[1], work);
  }
  ::close(ends[1]);
  ChildEnd end;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto size = ::read(ends[0], buffer.data(), buffer.size());
    if (size <= 0) break;
    end.said.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

void become_nobody() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() != 0) return;
  if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0)
    throw std::runtime_error("setresuid");
}

}  // namespace rruled::test
