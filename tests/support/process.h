#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace rruled::testing {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal when it was killed by one
  std::string out;
  std::string err;
  bool timed_out = false;
};

struct ProcessInput {
  std::string stdin_text = {};
  std::map<std::string, std::string> environment = {};  // the whole of it, but for PATH
  std::chrono::milliseconds timeout{20'000};
};

// Runs a program to its end and keeps what it wrote; killed at the time limit.
[[nodiscard]] ProcessResult run_process(const std::vector<std::string>& argv,
                                        const ProcessInput& input = {});

// What /proc says of it: 'T' stopped, 'Z' ended; 'Z' as well for one that is gone.
[[nodiscard]] char state_of(int pid);

// A program that goes on beside the test, with pipes to and from it.
class BackgroundProcess {
 public:
  explicit BackgroundProcess(const std::vector<std::string>& argv,
                             const std::map<std::string, std::string>& environment = {});
  BackgroundProcess(const BackgroundProcess&) = delete;
  BackgroundProcess& operator=(const BackgroundProcess&) = delete;
  ~BackgroundProcess();  // kills it

  void write(const std::string& text);
  void close_input();
  void close_output();  // what it writes from now on has no reader
  // The next line of its standard output; "" when none came in time or it ended.
  [[nodiscard]] std::string read_line(std::chrono::milliseconds timeout);
  // Reads lines until one contains `text`, and gives it; "" when none did in time or it ended.
  [[nodiscard]] std::string read_until(const std::string& text, std::chrono::milliseconds timeout);
  void send_signal(int signal) const;
  // Waits for its end, for its exit code (128 + signal when it was killed by one).
  int wait();
  [[nodiscard]] int pid() const { return pid_; }

 private:
  int pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string buffer_;
};

}  // namespace rruled::testing
