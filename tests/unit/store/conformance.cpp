#include "conformance.h"

namespace rruled::test {

std::vector<Check> conformance(Daemons daemons) {
  std::vector<Check> all;
  for (auto part :
       {write_checks(), refusal_checks(), change_checks(), read_checks(), settle_checks(),
        overlap_checks(), claim_checks(), finish_checks(), fairness_checks(), prune_checks(),
        directory_checks(), object_checks(), run_desk_checks(), expiry_checks(), forgotten_checks(),
        history_checks(), survey_checks(),
        daemons == Daemons::one ? one_daemon_checks() : many_daemons_checks()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace rruled::test
