#include "daemon/io/running_command.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kReadAtOnceBytesMax = 64 * 1024;   // then others have their turn
constexpr std::size_t kReadAtEndBytesMax = 1024 * 1024;  // what a pipe can hold

// A file in memory that holds `input`, to be read from its beginning: unlike a pipe it needs nobody
// who writes on while the program reads, or does not.
Fd input_file(std::string_view input) {
  Fd file(::memfd_create("run", MFD_CLOEXEC));
  while (file && !input.empty()) {
    const ssize_t size = ::write(file.get(), input.data(), input.size());
    if (size > 0)
      input.remove_prefix(static_cast<std::size_t>(size));
    else if (size == 0 || errno != EINTR)
      return {};
  }
  if (file) ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

}  // namespace

boost::system::result<std::shared_ptr<RunningCommand>> RunningCommand::start(
    const asio::any_io_executor& io,
    const Clock& clock,
    ProcessGuard& guard,
    ChildProcess::Program program,
    std::string_view input) {
  const Fd in = input_file(input);
  if (!in) return last_error();
  Fd::Pipe out = Fd::pipe();
  Fd::Pipe err = Fd::pipe();
  if (!out.read || !err.read) return last_error();
  program.in = in.get();
  program.out = out.write.get();
  program.err = err.write.get();
  auto child = ChildProcess::start(program, guard);
  if (!child) return child.error();
  auto command = std::make_shared<RunningCommand>(io, clock, std::move(*child), std::move(out.read),
                                                  std::move(err.read));
  command->read(Stream::out);
  command->read(Stream::err);
  return command;
}

RunningCommand::RunningCommand(
    const asio::any_io_executor& io, const Clock& clock, ChildProcess child, Fd out, Fd err)
    : clock_(clock),
      child_(std::move(child)),
      exit_(io, child_.take_pidfd().release()),
      out_(io, out.release()),
      err_(io, err.release()),
      timer_(io) {
  out_.non_blocking(true);
  err_.non_blocking(true);
}

void RunningCommand::read(Stream stream) {
  auto when_readable = [self = shared_from_this(), stream](const error_code& error) {
    if (error || !self->descriptor(stream).is_open()) return;
    if (self->drain(stream, kReadAtOnceBytesMax)) self->read(stream);
  };
  descriptor(stream).async_wait(asio::posix::descriptor_base::wait_read, std::move(when_readable));
}

bool RunningCommand::drain(Stream stream, std::size_t bytes_max) {
  std::array<char, kReadBytes> buffer;
  for (std::size_t total = 0; total < bytes_max;) {
    const ssize_t size = ::read(descriptor(stream).native_handle(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (size == 0) return false;
    lines_.add(stream, {buffer.data(), static_cast<std::size_t>(size)}, clock_.now());
    total += static_cast<std::size_t>(size);
  }
  return true;
}

template <class Action>
void RunningCommand::at(steady_clock::time_point time, Action action) {
  timer_.expires_at(time);
  auto when_over = [weak = weak_from_this(), action = std::move(action)](const error_code& error) {
    const auto self = weak.lock();
    // A wait that was over when the timer was set anew, or stopped, comes without an error, too.
    if (error || !self || self->timer_.expiry() > steady_clock::now()) return;
    action(*self);
  };
  timer_.async_wait(std::move(when_over));
}

void RunningCommand::end_after(milliseconds limit, milliseconds grace) {
  at(steady_clock::now() + limit, [grace](RunningCommand& self) {
    self.timed_out_ = true;
    self.end(grace);
  });
}

void RunningCommand::end(milliseconds grace) {
  if (std::exchange(ending_, true)) {
    child_.signal(SIGKILL);
    return;
  }
  child_.signal(SIGTERM);
  at(steady_clock::now() + grace, [](RunningCommand& self) { self.child_.signal(SIGKILL); });
}

ChildProcess::Exit RunningCommand::finish() {
  timer_.expires_at(steady_clock::time_point::max());
  const ChildProcess::Exit exit = child_.reap();
  drain(Stream::out, kReadAtEndBytesMax);
  drain(Stream::err, kReadAtEndBytesMax);
  error_code ignored;
  out_.close(ignored);
  err_.close(ignored);
  exit_.close(ignored);
  return exit;
}

}  // namespace rruled::io
