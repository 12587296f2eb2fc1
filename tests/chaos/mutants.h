#pragma once

#include "tests/support/hooked_store.h"

#include <memory>
#include <string>

namespace rruled::test {

// The store with one of its guards taken out, to see that the experiments notice:
//   "advance_first"  a schedule moves on in a transaction of its own, before its runs are written
//   "insert_anyway"  who lost the race for an occurrence writes its run all the same, past the
//                    unique key
//   "no_fence"       an outcome is written whoever holds the claim by now
//   "no_deadline"    a daemon takes its claims to last for an hour
//   ""               none: the store as it is
// `url` is for what a mutant does behind the store's back.
[[nodiscard]] std::unique_ptr<HookedStore> make_mutant(const std::string& name,
                                                       const std::string& url,
                                                       store::Store& real,
                                                       HookedStore::Hook hook);

}  // namespace rruled::test
