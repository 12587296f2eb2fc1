#include "conformance.h"

namespace rruled::test {

std::vector<Check> conformance() {
  std::vector<Check> all;
  for (auto part : {write_checks(), refusal_checks(), change_checks(), read_checks(),
                    settle_checks(), overlap_checks(), claim_checks(), finish_checks()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace rruled::test
