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
// simply made again. Nobody else writes to the source meanwhile. The empty target is marked as an
// incomplete copy first, and loses that mark with the commit of the rows; before that commit the
// source is marked as moved. So wherever the machine stops, one of the two holds all and fires, or
// nothing fires anywhere until the copy is made again, which both marks allow.
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
  // For people.
  [[nodiscard]] virtual std::string name() const = 0;
  // The name of the target it was marked for; empty: for none.
  [[nodiscard]] virtual std::string moved_to() = 0;
  // Durable when it returns. What was dispatching is retrying from then on, here and in the copy.
  virtual void mark_moved(const std::string& target) = 0;
  // Takes the mark that this object made away, but leaves that of an earlier copy. Durable when it
  // returns.
  virtual void unmark() = 0;
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
  // Before the source is marked: writes what would wait for the commit, so that a full disk is met
  // here.
  virtual void flush() = 0;
};

class CopyTarget {
 public:
  virtual ~CopyTarget() = default;
  CopyTarget() = default;
  CopyTarget(const CopyTarget&) = delete;
  CopyTarget& operator=(const CopyTarget&) = delete;

  // For people: without a password.
  [[nodiscard]] virtual std::string name() const = 0;
  // Marks it as an incomplete copy of `source`, durably: nothing opens it but a copy. Throws
  // StoreError when there are rows already.
  virtual void expect(const std::string& source) = 0;
  // After expect(). Commits what `fill` wrote, and that the copy is complete, unless it throws; may
  // call it again, from the beginning, after another transaction was in the way.
  virtual void fill(const std::function<void(CopyWriter&)>& fill) = 0;
  // After fill() threw: true when it is an incomplete copy, and nothing of that fill() can come any
  // more. Throws StoreError when it cannot tell.
  [[nodiscard]] virtual bool is_incomplete() = 0;
  // Takes the mark of expect() away.
  virtual void give_up() = 0;
};

// Table and rows, in the order of copied_tables().
using CopyReport = std::vector<std::pair<std::string, std::size_t>>;

[[nodiscard]] CopyReport copy_rows(CopySource& source, CopyTarget& target);

// From a file to a file or to PostgreSQL. Throws StoreError; each message says what to do next.
[[nodiscard]] CopyReport copy_store(const StoreLocation& from,
                                    const StoreLocation& to,
                                    Timestamp now);
// Where it was moved, or the mark of an incomplete copy; empty: it has neither. It is only read.
[[nodiscard]] std::string moved_to(const StoreLocation& location);
// Takes the mark of a move, or of an incomplete copy, away, where the copy is not used. Returns
// where it was said to be, or that mark; empty when it had none.
[[nodiscard]] std::string reopen_store(const StoreLocation& location);

}  // namespace rruled::store
