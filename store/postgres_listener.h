#pragma once

#include "store/open.h"

#include <functional>
#include <memory>
#include <string>

namespace rruled::store {

// The channel on which PostgresStore::write() notifies; the payload is the schema.
inline constexpr char kChangesChannel[] = "rruled_changes";

// Listens on a connection of its own: `url` must not lead to a pooler. `schema` is the one whose
// changes count. See listen_to_store().
[[nodiscard]] std::unique_ptr<ChangeListener> listen_to_postgres(const std::string& url,
                                                                 const std::string& schema,
                                                                 std::function<void()> changed);

}  // namespace rruled::store
