#pragma once

#include "tests/unit/io/io_fixture.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace rruled::test {

// Tells whether processes live: a named pipe that they hold open for writing. A shell command
// begins with hold(), so that it and its children hold the pipe, and says report() when it is all
// there.
class Lifeline {
 public:
  Lifeline() {
    const std::string name = dir_.file("lifeline");
    if (::mkfifo(name.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
    fd_ = ::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd_ < 0) throw std::runtime_error("open of a fifo");
  }
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;
  ~Lifeline() { ::close(fd_); }

  // Shell commands.
  [[nodiscard]] std::string hold() const { return "exec 9>" + dir_.file("lifeline") + "; "; }
  [[nodiscard]] static std::string report() { return "echo >&9; "; }

  // Waits for so many reports. False: ten seconds passed without one.
  [[nodiscard]] bool reported(int count = 1) const {
    char byte = 0;
    while (count > 0) {
      if ((poll(POLLIN) & POLLIN) == 0) return false;
      if (::read(fd_, &byte, 1) == 1) --count;
    }
    return true;
  }
  // Waits until the last one that held it is gone. Only after a report.
  [[nodiscard]] bool all_gone() const {
    char buffer[16];
    while (::read(fd_, buffer, sizeof buffer) > 0) continue;
    return (poll(0) & POLLHUP) != 0;
  }

  // Calls `action` on the loop at the first report.
  void when_reported(IoLoop& loop, std::function<void()> action) const {
    using boost::asio::posix::stream_descriptor;
    const auto watch = std::make_shared<stream_descriptor>(loop.context, ::dup(fd_));
    watch->async_wait(stream_descriptor::wait_read,
                      [watch, call = std::move(action)](const boost::system::error_code& error) {
                        if (!error) call();
                      });
  }

 private:
  [[nodiscard]] short poll(short events) const {
    constexpr int kPatienceMs = 10'000;
    pollfd entry{fd_, events, 0};
    ::poll(&entry, 1, kPatienceMs);
    return entry.revents;
  }

  TempDir dir_;
  int fd_ = -1;
};

}  // namespace rruled::test
