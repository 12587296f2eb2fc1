#include "daemon/io/descriptor_limit.h"

namespace rruled::io {
namespace {

// The limit is the process's, and so is this.
std::optional<rlimit> first_limit;

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlimit most{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &most) == 0) first_limit = limit;
}

std::optional<rlimit> first_descriptor_limit() { return first_limit; }

}  // namespace rruled::io
