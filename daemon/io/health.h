#pragma once

#include "daemon/core/planner.h"
#include "daemon/io/companion.h"
#include "store/survey.h"

#include <string>
#include <vector>

namespace rruled::io {

// What /readyz asks. `survey`: null until the store was looked at; `refused`: why the last reload
// was, or empty.
[[nodiscard]] std::vector<HealthCheck> health_checks(bool stopping,
                                                     const core::Planner::Load& load,
                                                     const store::Survey* survey,
                                                     const std::string& refused);

}  // namespace rruled::io
