#include "daemon/io/command_executor.h"

#include "daemon/core/run_identity.h"
#include "daemon/io/cancellation.h"
#include "daemon/io/program.h"
#include "daemon/io/running_command.h"
#include "daemon/io/text.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using core::Report;

constexpr std::array kInherited{"PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR"};

std::vector<std::string> inherited_environment() {
  std::vector<std::string> environment;
  for (const char* name : kInherited)
    if (const char* value = std::getenv(name))
      environment.push_back(std::string(name) + "=" + value);
  return environment;
}

std::string start_advice(int error) {
  switch (error) {
    case ENOENT:
      return ": install it, or correct argv; a script's #! line may also name what is not there";
    case EACCES:
      return ": make it executable for the user that runs rruled (chmod +x)";
    case ENOEXEC:
      return ": a script needs a first line like #!/bin/sh";
    default:
      return {};
  }
}

// Of this machine, whatever the program is: nothing can be started.
bool lacks_resources(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
}

std::string shortage_advice(int error) {
  const char* const advice = error == EMFILE   ? "raise LimitNOFILE"
                             : error == EAGAIN ? "raise TasksMax and LimitNPROC"
                                               : "give the machine more of it";
  return std::string(": ") + advice + ", or lower max_in_flight";
}

std::string quoted(const std::string& argument) {
  const bool plain =
      !argument.empty() && argument.find_first_of(" \t\n'\"\\$") == std::string::npos;
  if (plain) return argument;
  std::string result = "'";
  for (const char c : argument) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + "'";
}

std::string verdict(const ChildProcess::Exit& exit) {
  if (exit.code) return *exit.code == 0 ? "" : "exit status " + std::to_string(*exit.code);
  const char* const name = ::sigabbrev_np(exit.signal);
  return name != nullptr ? "killed by SIG" + std::string(name)
                         : "killed by signal " + std::to_string(exit.signal);
}

}  // namespace

SettingResult<std::unique_ptr<CommandExecutor>> CommandExecutor::create(
    asio::any_io_executor io,
    const Clock& clock,
    ProcessGuard& guard,
    CommandExecutorOptions options) {
  if (options.argv.empty() || options.argv.front().empty())
    return SettingError{"argv", "must name a program: [\"/usr/bin/backup\", \"--all\"]"};
  for (const auto& argument : options.argv)
    if (argument.find('\0') != std::string::npos)
      return SettingError{"argv", "must not hold NUL characters"};
  return std::unique_ptr<CommandExecutor>(
      new CommandExecutor(std::move(io), clock, guard, std::move(options)));
}

CommandExecutor::CommandExecutor(asio::any_io_executor io,
                                 const Clock& clock,
                                 ProcessGuard& guard,
                                 CommandExecutorOptions options)
    : io_(std::move(io)), clock_(clock), guard_(guard), options_(std::move(options)) {}

std::string CommandExecutor::payload(const store::Run& run) const { return run.body; }

// The rest is for the kernel, and for reading what it wrote.
std::chrono::milliseconds CommandExecutor::time_to_end() const {
  return options_.kill_grace + std::chrono::milliseconds(500);
}

std::string CommandExecutor::destination(const store::Run&) const {
  std::string text = "run";
  for (const auto& argument : options_.argv) text += " " + quoted(argument);
  return text;
}

std::vector<std::string> CommandExecutor::environment(const store::Run& run) const {
  auto result = inherited_environment();
  const auto add = [&result](std::string_view name, std::string_view value) {
    result.push_back("RRULED_" + std::string(name) + "=" + std::string(value));
  };
  add("RUN_ID", store::to_string(run.id));
  add("KIND", store::word(run.kind));
  add("ORIGIN", store::word(run.origin));
  add("ATTEMPT", std::to_string(run.attempts));
  add("IDEMPOTENCY_KEY", core::idempotency_key(run.id));
  add("PROJECT_ID", std::to_string(run.project_id));
  add("FLOW_ID", store::to_string(run.flow_id));
  add("FLOW_NAME", run.flow_name);
  add("DUE_AT", core::rfc3339(run.due_at));
  if (run.schedule_id) add("SCHEDULE_ID", store::to_string(*run.schedule_id));
  if (run.scheduled_for) add("SCHEDULED_FOR", core::rfc3339(*run.scheduled_for));
  return result;
}

Report CommandExecutor::not_started(int error, const std::string& program) const {
  Report report;
  report.error = "cannot start " + program + " (" + std::strerror(error) + ")";
  if (lacks_resources(error)) {
    report.kind = Report::Kind::unsent;
    report.error += shortage_advice(error);
    return report;
  }
  // A file that is being written may start later.
  report.kind = error == ETXTBSY ? Report::Kind::retry : Report::Kind::failed;
  report.error += start_advice(error);
  report.finished_at = clock_.now();
  return report;
}

Report CommandExecutor::judge(const ChildProcess::Exit& exit, const std::string& broken_off) const {
  Report report;
  report.status_code = exit.code;
  report.exited = exit.code.has_value();
  report.error = broken_off.empty() ? verdict(exit) : broken_off;
  if (!report.error.empty())
    report.kind = options_.retry_on_failure ? Report::Kind::retry : Report::Kind::failed;
  return report;
}

asio::awaitable<Report> CommandExecutor::attempt(store::Run run, SendPermit permit) const {
  if (const bool stop = co_await cancelled(); stop) {
    Report unsent;
    unsent.kind = Report::Kind::unsent;
    unsent.error = "broken off before it began";
    co_return unsent;
  }
  const std::string program = find_program(options_.argv.front());
  if (program.empty()) {
    Report report = not_started(ENOENT, options_.argv.front());
    report.error += "; it was looked for in PATH=" + search_path();
    co_return report;
  }
  if (!may_send(permit)) {
    Report unsent;
    unsent.kind = Report::Kind::unsent;
    unsent.error = "the claim on the run was over before it began";
    co_return unsent;
  }
  const auto started = RunningCommand::start(
      io_, clock_, guard_, {program, options_.argv, environment(run), -1, -1, -1}, run.body);
  if (!started) co_return not_started(started.error().value(), program);
  const auto command = *started;
  const store::Timestamp started_at = clock_.now();
  const auto timeout = run.timeout.value_or(options_.timeout);
  command->end_after(timeout, options_.kill_grace);

  bool stopped = false;
  for (bool ended = false; !ended;) {
    error_code error;
    co_await command->exit().async_wait(asio::posix::descriptor_base::wait_read,
                                        asio::redirect_error(asio::use_awaitable, error));
    ended = !error;
    if (ended) continue;
    stopped = true;
    command->end(options_.kill_grace);
  }
  const ChildProcess::Exit exit = command->finish();

  const std::string limit = "timed out after " + duration_text(timeout);
  Report report = judge(exit, command->timed_out() ? limit : stopped ? "broken off" : "");
  if (stopped) report.kind = Report::Kind::retry;
  report.started_at = started_at;
  report.finished_at = clock_.now();
  report.output = command->take_output();
  // One that was told to end is not asked what it left.
  if (exit.left_others && !stopped && !command->timed_out())
    report.output.push_back({{},
                             std::nullopt,
                             *report.finished_at,
                             store::LogLevel::warn,
                             "processes that it left behind were killed; start them with setsid or"
                             " systemd-run to keep them"});
  co_return report;
}

asio::awaitable<Report> CommandExecutor::deliver(store::Run run, SendPermit permit) {
  return without_throwing(attempt(std::move(run), std::move(permit)));
}

}  // namespace rruled::io
