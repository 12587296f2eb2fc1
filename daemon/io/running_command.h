#pragma once

#include "daemon/io/child_process.h"
#include "daemon/io/clock.h"
#include "daemon/io/output_lines.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <string_view>

namespace rruled::io {

// A command from its start to the report on it: reads its output, ends it when it must. Io thread
// only; held by shared_ptr.
class RunningCommand : public std::enable_shared_from_this<RunningCommand> {
 public:
  using Stream = OutputLines::Stream;

  // Begins `program` with `input` as its stdin; program.in, .out and .err are set here.
  // `clock` and `guard` must outlive it.
  [[nodiscard]] static boost::system::result<std::shared_ptr<RunningCommand>> start(
      const boost::asio::any_io_executor& io,
      const Clock& clock,
      ProcessGuard& guard,
      ChildProcess::Program program,
      std::string_view input);

  // After `limit` the group gets TERM, `grace` later KILL.
  void end_after(std::chrono::milliseconds limit, std::chrono::milliseconds grace);
  // TERM now, KILL `grace` later; the second time KILL at once.
  void end(std::chrono::milliseconds grace);
  // end_after() has struck.
  [[nodiscard]] bool timed_out() const { return timed_out_; }

  // Readable when the program has ended; then call finish().
  [[nodiscard]] boost::asio::posix::stream_descriptor& exit() { return exit_; }
  // Reaps it. What is left of its group is killed, what it wrote is read to the end.
  ChildProcess::Exit finish();
  [[nodiscard]] std::vector<store::LogEntry> take_output() { return lines_.take(clock_.now()); }

  RunningCommand(const boost::asio::any_io_executor& io,
                 const Clock& clock,
                 ChildProcess child,
                 Fd out,
                 Fd err);

 private:
  void read(Stream stream);
  // Reads what is there, up to `bytes_max`. False at the end of the stream.
  bool drain(Stream stream, std::size_t bytes_max);
  boost::asio::posix::stream_descriptor& descriptor(Stream stream) {
    return stream == Stream::out ? out_ : err_;
  }
  template <class Action>
  void at(std::chrono::steady_clock::time_point time, Action action);

  const Clock& clock_;
  ChildProcess child_;
  boost::asio::posix::stream_descriptor exit_;
  boost::asio::posix::stream_descriptor out_;
  boost::asio::posix::stream_descriptor err_;
  boost::asio::steady_timer timer_;
  OutputLines lines_;
  bool timed_out_ = false;
  bool ending_ = false;
};

}  // namespace rruled::io
