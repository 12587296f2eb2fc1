// Seeded random rules over all parts of RFC 5545, valid ones only, for property and differential
// tests.
#pragma once

#include "rrule/recurrence.h"

#include <random>

namespace rruled::rrule {

using Random = std::mt19937_64;

// low and high inclusive.
int pick(Random& random, int low, int high);
bool chance(Random& random, int percent);

struct RandomRuleOptions {
  bool skip = true;         // RFC 7529, which peers do not know
  bool count = true;        // COUNT and UNTIL
  int large_interval = 15;  // percent
};

Rule random_rule(Random& random, sys_seconds near, const RandomRuleOptions& options = {});

}  // namespace rruled::rrule
