#pragma once

#include <boost/system/error_code.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace rruled::io {

// Owns a file descriptor, or none (-1).
class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] explicit operator bool() const { return number_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }
  void reset(int number = -1) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

  struct Pipe;
  // Both ends close-on-exec; neither is open when there is no room (errno says why).
  [[nodiscard]] static Pipe pipe();

 private:
  int number_ = -1;
};

struct Fd::Pipe {
  Fd read, write;
};

inline Fd::Pipe Fd::pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  return {Fd(ends[0]), Fd(ends[1])};
}

// What errno says of the call that failed last.
[[nodiscard]] inline boost::system::error_code last_error() {
  return {errno, boost::system::system_category()};
}

}  // namespace rruled::io
