#include "daemon/io/trace_context.h"

#include <algorithm>

namespace rruled::io {
namespace {

std::string span_id(const store::Run& run, const std::string& name) {
  auto text = store::to_string(store::uuid_v5(run.id.value, name));
  std::erase(text, '-');
  return text.substr(0, 16);
}

}  // namespace

std::string trace_id(const store::Run& run) {
  auto text = store::to_string(run.id);
  std::erase(text, '-');
  return text;
}

std::string run_span_id(const store::Run& run) { return span_id(run, "run"); }

std::string attempt_span_id(const store::Run& run) {
  return span_id(run, "attempt " + std::to_string(run.attempts));
}

std::string traceparent(const store::Run& run) {
  return "00-" + trace_id(run) + "-" + attempt_span_id(run) + "-01";
}

}  // namespace rruled::io
