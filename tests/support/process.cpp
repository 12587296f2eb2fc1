#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace rruled::testing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {ends[0], ends[1]};
}

void shut(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

// Child only: becomes the program, or exits 127.
[[noreturn]] void become(const std::vector<std::string>& argv,
                         const std::map<std::string, std::string>& environment) {
  std::vector<std::string> variables;
  const char* path = std::getenv("PATH");
  variables.push_back(std::string("PATH=") + (path ? path : "/usr/bin:/bin"));
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> arguments;
  std::vector<char*> pairs;
  for (const auto& each : argv) arguments.push_back(const_cast<char*>(each.c_str()));
  for (const auto& each : variables) pairs.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  pairs.push_back(nullptr);
  signal(SIGPIPE, SIG_DFL);  // ignored here, and that is handed on
  execve(arguments.front(), arguments.data(), pairs.data());
  _exit(127);
}

int start(const std::vector<std::string>& argv,
          const std::map<std::string, std::string>& environment,
          int in,
          int out,
          int err) {
  const int pid = fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid > 0) return pid;
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  if (err >= 0) dup2(err, STDERR_FILENO);
  become(argv, environment);
}

int wait_for(int pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int left(Clock::time_point deadline) {
  const auto ms = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  return ms > 0 ? static_cast<int>(ms) : 0;
}

// Moves what is ready; closes ends that are done.
void read_some(int& descriptor, std::string& text) {
  std::array<char, 65'536> buffer{};
  const auto count = read(descriptor, buffer.data(), buffer.size());
  if (count > 0)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  else if (count == 0 || errno != EAGAIN)
    shut(descriptor);
}

void write_some(int& descriptor, const std::string& text, std::size_t& written) {
  if (written < text.size()) {
    const auto count = write(descriptor, text.data() + written, text.size() - written);
    if (count > 0) written += static_cast<std::size_t>(count);
    if (count < 0 && errno != EAGAIN) written = text.size();
  }
  if (written == text.size()) shut(descriptor);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& argv, const ProcessInput& input) {
  signal(SIGPIPE, SIG_IGN);
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  const int pid = start(argv, input.environment, in.read, out.write, err.write);
  shut(in.read);
  shut(out.write);
  shut(err.write);
  fcntl(in.write, F_SETFL, O_NONBLOCK);
  ProcessResult result;
  std::size_t written = 0;
  const auto deadline = Clock::now() + input.timeout;
  while ((out.read >= 0 || err.read >= 0) && !result.timed_out) {
    std::array<pollfd, 3> ends{
        {{in.write, POLLOUT, 0}, {out.read, POLLIN, 0}, {err.read, POLLIN, 0}}};
    if (poll(ends.data(), ends.size(), left(deadline)) == 0) result.timed_out = true;
    if (in.write >= 0 && ends[0].revents != 0) write_some(in.write, input.stdin_text, written);
    if (out.read >= 0 && ends[1].revents != 0) read_some(out.read, result.out);
    if (err.read >= 0 && ends[2].revents != 0) read_some(err.read, result.err);
  }
  if (result.timed_out) kill(pid, SIGKILL);
  for (int* each : {&in.write, &out.read, &err.read}) shut(*each);
  result.exit_code = wait_for(pid);
  return result;
}

BackgroundProcess::BackgroundProcess(const std::vector<std::string>& argv,
                                     const std::map<std::string, std::string>& environment) {
  signal(SIGPIPE, SIG_IGN);
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  pid_ = start(argv, environment, in.read, out.write, -1);
  shut(in.read);
  shut(out.write);
  input_ = in.write;
  output_ = out.read;
}

BackgroundProcess::~BackgroundProcess() {
  if (pid_ > 0) kill(pid_, SIGKILL);
  close_input();
  wait();
  shut(output_);
}

int BackgroundProcess::wait() {
  if (pid_ <= 0) return -1;
  return wait_for(std::exchange(pid_, -1));
}

void BackgroundProcess::send_signal(int signal) const {
  if (pid_ > 0) kill(pid_, signal);
}

std::string BackgroundProcess::read_until(const std::string& text, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    const std::string line = read_line(milliseconds(left(deadline)));
    if (line.find(text) != std::string::npos) return line;
    if (line.empty() && (output_ < 0 || left(deadline) == 0)) return {};
  }
}

void BackgroundProcess::write(const std::string& text) {
  if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("write to the program");
}

void BackgroundProcess::close_input() { shut(input_); }

void BackgroundProcess::close_output() { shut(output_); }

std::string BackgroundProcess::read_line(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    const auto end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd ready{output_, POLLIN, 0};
    if (output_ < 0 || poll(&ready, 1, left(deadline)) <= 0) return {};
    read_some(output_, buffer_);
  }
}

char state_of(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const auto end = text.rfind(')');
  return end == std::string::npos ? 'Z' : text.at(end + 2);
}

}  // namespace rruled::testing
