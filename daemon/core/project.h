#pragma once

#include "daemon/core/catchup.h"
#include "store/types.h"

#include <boost/json/object.hpp>

// A whole project: how its row changes when a person stops or starts it, and shows it. Pure.
namespace rruled::core {

// One that is paused stays as it is.
void pause(store::Project& row, Timestamp now);
// One that is not paused stays as it is.
void resume(store::Project& row, CatchUp catch_up, Timestamp now);

// `catch_up` is how it was resumed; null: it never was, or is paused again.
[[nodiscard]] boost::json::object to_json(const store::Project& row);

}  // namespace rruled::core
