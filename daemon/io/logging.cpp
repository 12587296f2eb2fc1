#include "daemon/io/logging.h"

#include "daemon/io/journald_sink.h"
#include "daemon/io/log_fields.h"
#include "daemon/io/text.h"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <string>
#include <utility>

namespace rruled::io {
namespace {

// The message as one line: names of flows and answers of receivers come from strangers.
class CleanText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string line =
        clean_line({message.payload.data(), message.payload.size()}, std::string::npos);
    out.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<CleanText>();
  }
};

// The message as a JSON string, quotes included.
class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              const std::tm&,
              spdlog::memory_buf_t& out) override {
    const boost::json::value text(
        boost::json::string_view(message.payload.data(), message.payload.size()));
    const std::string quoted = boost::json::serialize(text);
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<JsonText>();
  }
};

// The LogFields as further members: ,"run":"..","attempt":1
class JsonFields final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out) override {
    const LogFields* fields = LogScope::now();
    if (fields == nullptr) return;
    for (const auto& each : *fields) {
      boost::json::value value;
      if (const auto* number = std::get_if<std::int64_t>(&each.value))
        value = *number;
      else
        value = std::get<std::string>(each.value);
      const std::string member =
          ",\"" + std::string(each.name) + "\":" + boost::json::serialize(value);
      out.append(member.data(), member.data() + member.size());
    }
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<JsonFields>();
  }
};

}  // namespace

spdlog::level::level_enum level_of(LogVerbosity verbosity) {
  switch (verbosity) {
    case LogVerbosity::trace:
      return spdlog::level::trace;
    case LogVerbosity::debug:
      return spdlog::level::debug;
    case LogVerbosity::info:
      return spdlog::level::info;
    case LogVerbosity::warn:
      return spdlog::level::warn;
    case LogVerbosity::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::unique_ptr<spdlog::formatter> text_formatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      spdlog::pattern_time_type::utc, std::string(spdlog::details::os::default_eol));
  formatter->add_flag<CleanText>('*').set_pattern("%Y-%m-%d %H:%M:%S.%eZ  %^%-5l%$  %*");
  return formatter;
}

std::shared_ptr<spdlog::logger> make_logger(const Config::Log& config) {
  spdlog::sink_ptr sink;
  if (config.format == LogFormat::journald)
    sink = std::make_shared<JournaldSink>(config.journal_socket);
  else
    sink = std::make_shared<spdlog::sinks::stdout_color_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("rruled", std::move(sink));
  if (config.format == LogFormat::json) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(
        spdlog::pattern_time_type::utc, std::string(spdlog::details::os::default_eol));
    formatter->add_flag<JsonText>('*').add_flag<JsonFields>('|').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%*%|})");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_formatter(text_formatter());
  }
  logger->set_level(level_of(config.level));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

}  // namespace rruled::io
