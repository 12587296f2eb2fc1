#pragma once

#include <sys/resource.h>

#include <optional>

namespace rruled::io {

// How many descriptors this process may have (RLIMIT_NOFILE): a connection, and each command three,
// for every run in flight. Main thread, before there are others.

// As many as the system lets it have: the soft limit, often 1024, becomes the hard one.
void raise_descriptor_limit();

// As it was before the last raise, for the programs that are started; nullopt: it was not raised.
// Some of them look at every descriptor that they may have.
[[nodiscard]] std::optional<rlimit> first_descriptor_limit();

}  // namespace rruled::io
