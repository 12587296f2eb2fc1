#pragma once

#include "store/types.h"

#include <string>

// The ids of a run in a distributed trace (W3C Trace Context, version 00). Pure: one trace for a
// run, one span for it and for each of its attempts, the same however often they are described and
// whoever describes them.
namespace rruled::io {

// 32 lower-case hexadecimal digits: the run's id.
[[nodiscard]] std::string trace_id(const store::Run& run);
// 16 of them.
[[nodiscard]] std::string run_span_id(const store::Run& run);
// Of the attempt that run.attempts numbers.
[[nodiscard]] std::string attempt_span_id(const store::Run& run);
// What a receiver is told, sampled: its spans belong below the attempt's.
[[nodiscard]] std::string traceparent(const store::Run& run);

}  // namespace rruled::io
