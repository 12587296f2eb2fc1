#include "daemon/io/log_executor.h"

#include "daemon/core/run_identity.h"
#include "daemon/io/text.h"

#include <utility>

namespace rruled::io {
namespace {

constexpr std::size_t kNameBytesMax = 200;

std::string when(const store::Run& run, store::Timestamp now) {
  if (!run.scheduled_for) return std::string(store::word(run.origin));
  return "scheduled for " + core::rfc3339(*run.scheduled_for) + ", late by " +
         duration_text(now - run.due_at);
}

}  // namespace

LogExecutor::LogExecutor(const Clock& clock, std::shared_ptr<spdlog::logger> log)
    : clock_(clock), log_(std::move(log)) {}

boost::asio::awaitable<core::Report> LogExecutor::deliver(store::Run run, SendPermit permit) {
  core::Report report;
  if (!may_send(permit)) {
    report.kind = core::Report::Kind::unsent;
    co_return report;
  }
  report.started_at = clock_.now();
  log_->debug("{} of \"{}\" {} ({})", store::word(run.kind),
              clean_line(run.flow_name, kNameBytesMax), store::to_string(run.id),
              when(run, *report.started_at));
  report.finished_at = clock_.now();
  co_return report;
}

std::string LogExecutor::destination(const store::Run&) const { return "write to the log"; }

std::string LogExecutor::payload(const store::Run& run) const { return run.body; }

}  // namespace rruled::io
