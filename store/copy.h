#pragma once

#include "store/copy_tables.h"
#include "store/open.h"

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

// A store moved to another place, with its ledger: nothing lost, nothing fired twice.
//
// The whole target is written in one transaction: a copy that is broken off leaves it empty, and is
// simply made again. Nobody else writes to the source meanwhile. Before the target is committed the
// source is marked as moved, for good: should the machine stop between the two, nothing fires
// anywhere until the copy is made again, which a marked source allows.
namespace rruled::store {

// Keeps daemons and writers out for its life.
class CopySource {
 public:
  virtual ~CopySource() = default;
  CopySource() = default;
  CopySource(const CopySource&) = delete;
  CopySource& operator=(const CopySource&) = delete;

  // In pages, in the table's order.
  virtual void read(const CopyTable& table,
                    const std::function<void(const std::vector<CopyRow>&)>& page) = 0;
  [[nodiscard]] virtual CopyMarks marks() = 0;
  // The name of the target it was marked for; empty: for none.
  [[nodiscard]] virtual std::string moved_to() = 0;
  // Durable when it returns. What was dispatching is retrying from then on, here and in the copy.
  virtual void mark_moved(const std::string& target) = 0;
};

// One transaction on an empty store.
class CopyWriter {
 public:
  virtual ~CopyWriter() = default;
  CopyWriter() = default;
  CopyWriter(const CopyWriter&) = delete;
  CopyWriter& operator=(const CopyWriter&) = delete;

  virtual void write(const CopyTable& table, const std::vector<CopyRow>& rows) = 0;
  // After the rows.
  virtual void write(const CopyMarks& marks) = 0;
  [[nodiscard]] virtual std::size_t count(const CopyTable& table) = 0;
};

class CopyTarget {
 public:
  virtual ~CopyTarget() = default;
  CopyTarget() = default;
  CopyTarget(const CopyTarget&) = delete;
  CopyTarget& operator=(const CopyTarget&) = delete;

  // For people: without a password.
  [[nodiscard]] virtual std::string name() const = 0;
  // Throws StoreError when there are rows already. Commits what `fill` wrote unless it throws; may
  // call it again, from the beginning, after another transaction was in the way.
  virtual void fill(const std::function<void(CopyWriter&)>& fill) = 0;
};

// Table and rows, in the order of copied_tables().
using CopyReport = std::vector<std::pair<std::string, std::size_t>>;

[[nodiscard]] CopyReport copy_rows(CopySource& source, CopyTarget& target);

// From a file to a file or to PostgreSQL. Throws StoreError; each message says what to do next.
[[nodiscard]] CopyReport copy_store(const StoreLocation& from,
                                    const StoreLocation& to,
                                    Timestamp now);
// Where it was moved; empty: it was not, or is no file. It is only read.
[[nodiscard]] std::string moved_to(const StoreLocation& location);
// Takes the mark of a move away, where the copy is not used. Returns where it was said to be; empty
// when it was not moved.
[[nodiscard]] std::string reopen_store(const StoreLocation& location);

}  // namespace rruled::store
