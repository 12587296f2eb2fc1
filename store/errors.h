#pragma once

#include <stdexcept>
#include <string>

namespace rruled::store {

// A fault of the store, thrown. Ordinary outcomes (a row changed meanwhile, ..) are values, never
// this.
class StoreError : public std::runtime_error {
 public:
  enum class Kind {
    unavailable,  // cannot be reached or opened now; trying again may help
    locked,       // another daemon has this store
    read_only,    // cannot be written
    full,         // no space left
    corrupt,      // not a database, or damaged; never re-created
    schema,       // older or newer than this program can use
    fenced,       // another daemon took over: stop
    invalid,      // a row that the store refuses (not UTF-8, ..): nothing was written
    fault         // anything else
  };
  StoreError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace rruled::store
