#include "daemon/io/health.h"

namespace rruled::io {

std::vector<HealthCheck> health_checks(bool stopping,
                                       const core::Planner::Load& load,
                                       const store::Survey* survey,
                                       const std::string& refused) {
  std::string ahead;
  if (survey != nullptr && survey->settled_ahead > 0)
    ahead = std::to_string(survey->settled_ahead) +
            " schedules are settled to more than a day ahead: rruled doctor";
  return {
      {"running", stopping ? "stopping" : ""},
      {"horizon", load.horizon_loaded ? "" : "what is due soon is not loaded yet"},
      {"store", load.store_away ? "the store is away" : ""},
      {"settled_to", ahead, false},
      {"configuration", refused.empty() ? "" : "the last reload was refused: " + refused, false}};
}

}  // namespace rruled::io
