#pragma once

#include <string>
#include <vector>

namespace rruled::store {

// A PostgreSQL URL as libpq reads it, with what a daemon needs for its connections where the URL
// does not say otherwise: bounds for connecting and for a peer that is silent, a server that can be
// written.
struct PgAddress {
  std::string conninfo;  // holds the password: never shown
  // The same of each host alone, whatever it is when the URL does not say otherwise. A pooler tells
  // its clients that a server is a standby, or none, as it was when the pooler first met it.
  std::vector<std::string> hosts;
  std::string shown;  // "postgresql://db1:5432,db2:5432/rruled", for messages
};

// Why `url` (postgresql:// or postgres://) cannot be read, and what to write; empty when it can.
// Repeats nothing of it: a password that is not written with %XX looks like a host or a database.
[[nodiscard]] std::string postgres_url_mistake(const std::string& url);

// Throws StoreError fault when it cannot be read, without repeating it.
[[nodiscard]] PgAddress parse_postgres_url(const std::string& url, bool read_only);

}  // namespace rruled::store
