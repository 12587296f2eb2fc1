#include "daemon/io/trace_context.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace rruled::io {
namespace {

// Ids of spans differ within their trace, which is the run's own: the second half of its id, which
// is never 0, and counted on from there.
std::string span_id(const store::Run& run, int number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::size_t kLength = 16;
  std::uint64_t id = static_cast<std::uint64_t>(number);
  std::uint64_t half = 0;
  for (auto byte = run.id.value.end() - 8; byte != run.id.value.end(); ++byte)
    half = half << 8U | *byte;
  id += half;
  std::string text(kLength, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, id >>= 4U)
    *digit = kDigits[id & 15U];
  return text;
}

}  // namespace

std::string trace_id(const store::Run& run) {
  auto text = store::to_string(run.id);
  std::erase(text, '-');
  return text;
}

std::string run_span_id(const store::Run& run) { return span_id(run, 0); }

std::string attempt_span_id(const store::Run& run) { return span_id(run, run.attempts); }

std::string traceparent(const store::Run& run) {
  return "00-" + trace_id(run) + "-" + attempt_span_id(run) + "-01";
}

}  // namespace rruled::io
