#include "store/open.h"

#include "store/postgres_listener.h"
#include "store/postgres_store.h"

#include <string_view>

namespace rruled::store {
namespace {

bool is_postgres(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

[[noreturn]] void refuse_url(const std::string& why) {
  throw StoreError(StoreError::Kind::fault, "store.url " + why);
}

std::unique_ptr<Store> open_file(const std::string& url, OpenMode mode) {
  const auto path = url.substr(kSqliteScheme.size());
  if (!path.starts_with('/') || path == "/")
    refuse_url("must name a file by its absolute path: sqlite:///var/lib/rruled/rruled.db");
  return open_sqlite(path, mode);
}

}  // namespace

std::unique_ptr<Store> open_store(const StoreLocation& location, OpenMode mode) {
  if (location.url.starts_with(kSqliteScheme)) return open_file(location.url, mode);
  if (!is_postgres(location.url))
    refuse_url(
        "must begin with sqlite:// or postgresql://,"
        " as in sqlite:///var/lib/rruled/rruled.db or postgresql://rruled@localhost/rruled");
  PostgresOptions options;
  options.schema = location.schema;
  options.claim_ttl = location.claim_ttl;
  options.pooler = location.pooler;
  return open_postgres(location.url, mode, options);
}

std::unique_ptr<ChangeListener> listen_to_store(const StoreLocation& location,
                                                std::function<void()> changed) {
  if (!is_postgres(location.url)) {
    if (!location.listen_url.empty())
      refuse_url("is not PostgreSQL's, so store.listen_url has no meaning: remove it");
    return nullptr;
  }
  if (location.listen_url.empty() && location.pooler) return nullptr;
  const auto& url = location.listen_url.empty() ? location.url : location.listen_url;
  if (!is_postgres(url))
    throw StoreError(StoreError::Kind::fault, "store.listen_url must begin with postgresql://");
  return listen_to_postgres(url, location.schema, std::move(changed));
}

}  // namespace rruled::store
