#pragma once

#include <cstdint>
#include <string>

namespace rruled::store {

// Copies the store in `path` as it is now into the new file `target`, beside whoever uses it: one
// state of it, whole, on the disk and checked when this returns. Readable by its owner alone. While
// it is being written its name is `target` with ".partial" after it, so that `target` is never half
// a backup. Gives its size in bytes. Throws StoreError; then there is no `target` but one that was
// there before.
std::uintmax_t back_up_sqlite(const std::string& path, const std::string& target);

}  // namespace rruled::store
