#include "daemon/io/log_fields.h"

#include "daemon/core/run_identity.h"
#include "daemon/io/trace_context.h"

namespace rruled::io {
namespace {

thread_local LogScope* current = nullptr;

}  // namespace

LogScope::LogScope(std::function<LogFields()> make) : make_(std::move(make)) { current = this; }

LogScope::~LogScope() { current = nullptr; }

const LogFields* LogScope::now() {
  if (current == nullptr) return nullptr;
  if (!current->fields_) current->fields_ = current->make_();
  return &*current->fields_;
}

LogFields fields_of(const store::Run& run) {
  LogFields fields{{"run", to_string(run.id)},  {"flow", to_string(run.flow_id)},
                   {"project", run.project_id}, {"origin", std::string(store::word(run.origin))},
                   {"executor", run.executor},  {"attempt", std::int64_t{run.attempts}},
                   {"trace_id", trace_id(run)}};
  if (run.schedule_id) fields.push_back({"schedule", to_string(*run.schedule_id)});
  if (run.scheduled_for) fields.push_back({"scheduled_for", core::rfc3339(*run.scheduled_for)});
  return fields;
}

}  // namespace rruled::io
