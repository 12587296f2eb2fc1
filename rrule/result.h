#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <string>

namespace rruled::rrule {

// Why a text was refused. Each names one class of mistake, stable for programs to compare.
enum class ErrorCode {
  empty,          // nothing to read
  too_long,       // over the limit stated by the function
  syntax,         // not the grammar of RFC 5545
  unknown_part,   // a part or property this library does not know
  repeated_part,  // a part given twice in one rule
  missing_part,   // FREQ absent, ...
  bad_value,      // a value outside its range or grammar
  forbidden,      // RFC 5545 forbids this combination
  unsupported,    // valid, but refused by decision (RSCALE other than GREGORIAN, DTSTART inside)
  unknown_zone,   // no such IANA zone
};

// The word for a code, as in JSON: "bad_value".
[[nodiscard]] const char* to_string(ErrorCode code);

// Bad input as a value. `offset` counts bytes from the start of the text that was parsed.
// `detail` is a sentence for a person: what was found, what would be right. No trailing dot needed.
struct ParseError {
  ErrorCode code = ErrorCode::syntax;
  std::size_t offset = 0;
  std::string detail;
};

[[noreturn]] void throw_exception_from_error(const ParseError& error,
                                             const boost::source_location&);

// value() of an error throws std::invalid_argument (see throw_exception_from_error); has_value()
// first.
template <class T>
using Result = boost::system::result<T, ParseError>;

}  // namespace rruled::rrule
