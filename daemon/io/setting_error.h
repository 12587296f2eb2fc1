#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>

namespace rruled::io {

// A setting that cannot be used, as a value: found before anything is touched.
struct SettingError {
  std::string setting;  // its name as in the configuration: "base_url"
  std::string detail;   // what is wrong and what would be right; never a secret
};

// value() of an error throws std::invalid_argument; has_value() first.
template <class T>
using SettingResult = boost::system::result<T, SettingError>;

[[noreturn]] inline void throw_exception_from_error(const SettingError& error,
                                                    const boost::source_location&) {
  throw std::invalid_argument(error.setting + ": " + error.detail);
}

}  // namespace rruled::io
