#pragma once

#include "sample.h"

#include <string>

namespace rruled::test {

// Makes a store in this file with rows of every kind in it: runs in every state and more than a
// page of them, a deleted schedule, gaps, lines, a token. A daemon was stopped in its midst.
void make_store_to_copy(const std::string& path);

// Goes on in a copy of that store, which any kind of store may hold: what had fired does not fire
// again, what was left is there.
void check_goes_on(Store& copy);

}  // namespace rruled::test
