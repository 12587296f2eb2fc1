#pragma once

#include <boost/json/value.hpp>

#include <string_view>

namespace rruled::api {

// A body that is right, for each schema of a request; null: there is none of that name. The tests
// send each of them to every route that takes it.
[[nodiscard]] boost::json::value example_of(std::string_view schema);

}  // namespace rruled::api
