#pragma once

#include <boost/json/object.hpp>

namespace rruled::api {

// Every schema that a route names, by that name.
[[nodiscard]] const boost::json::object& openapi_schemas();

}  // namespace rruled::api
