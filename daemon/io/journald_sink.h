#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

namespace rruled::io {

// Entries for systemd's journal by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one
// datagram each, with MESSAGE, PRIORITY, SYSLOG_IDENTIFIER=rruled and the line's LogFields as
// RRULED_RUN, RRULED_FLOW, .. Never waits for the journal: while it is full entries are lost, and
// the next that it takes says how many; while it is away they go to standard error. Thread-safe.
class JournaldSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Throws std::runtime_error with what to do next when nobody listens there.
  explicit JournaldSink(const std::filesystem::path& socket);
  ~JournaldSink() override;

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  // 0, or why it was not taken.
  [[nodiscard]] int send(const std::string& entry) const;

  const std::string path_;
  int fd_ = -1;
  std::uint64_t lost_ = 0;
};

}  // namespace rruled::io
