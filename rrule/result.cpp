#include "rrule/result.h"

#include <stdexcept>

namespace rruled::rrule {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::empty:
      return "empty";
    case ErrorCode::too_long:
      return "too_long";
    case ErrorCode::syntax:
      return "syntax";
    case ErrorCode::unknown_part:
      return "unknown_part";
    case ErrorCode::repeated_part:
      return "repeated_part";
    case ErrorCode::missing_part:
      return "missing_part";
    case ErrorCode::bad_value:
      return "bad_value";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::unknown_zone:
      return "unknown_zone";
  }
  return "unknown";
}

void throw_exception_from_error(const ParseError& error, const boost::source_location&) {
  throw std::invalid_argument(std::string(to_string(error.code)) + " at byte " +
                              std::to_string(error.offset) + ": " + error.detail);
}

}  // namespace rruled::rrule
