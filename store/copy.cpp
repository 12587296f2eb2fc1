#include "store/copy.h"

#include "store/postgres_copy.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_file.h"

#include <memory>
#include <string_view>

namespace rruled::store {
namespace {

[[noreturn]] void refuse_copy(const std::string& why) {
  throw StoreError(StoreError::Kind::fault, why);
}

bool is_file(const StoreLocation& location) { return location.url.starts_with(kSqliteScheme); }

bool is_server(const StoreLocation& location) {
  return location.url.starts_with("postgresql://") || location.url.starts_with("postgres://");
}

std::string path_of(const StoreLocation& location) {
  const auto path = location.url.substr(kSqliteScheme.size());
  if (!path.starts_with('/') || path == "/")
    refuse_copy("a file is named by its absolute path: sqlite:///var/lib/rruled/rruled.db");
  return path;
}

// To the same target again: that copy was broken off at its end, or the target is not empty.
void refuse_second(CopySource& source, const std::string& target) {
  const std::string moved_to = source.moved_to();
  if (!moved_to.empty() && moved_to != target)
    refuse_copy("this store was moved to " + moved_to +
                " already, and two copies would fire both: use that one, or give it up by `rruled"
                " store reopen` with the URL of this one, and copy then");
}

std::unique_ptr<CopyTarget> open_target(const StoreLocation& location) {
  if (is_file(location)) return open_sqlite_target(path_of(location));
  if (is_server(location)) return open_postgres_target(location);
  refuse_copy("the store to copy to must begin with sqlite:// or postgresql://");
}

// After a fill() that threw. False: whether it was committed is not known.
bool take_back(CopySource& source, CopyTarget& target) {
  try {
    if (!target.is_incomplete()) return false;
    source.unmark();
    // A source that an earlier copy marked stays so: the target must not be started on then.
    if (source.moved_to().empty()) target.give_up();
    return true;
  } catch (const StoreError&) {
    return false;
  }
}

void fill(CopySource& source,
          CopyTarget& target,
          const std::function<void(CopyWriter&)>& write_rows) {
  target.expect(source.name());
  try {
    target.fill(write_rows);
  } catch (const StoreError& error) {
    if (take_back(source, target)) throw;
    throw StoreError(error.kind(),
                     std::string(error.what()) +
                         ". Whether the copy was committed is not known,"
                         " and no daemon starts on an incomplete one: copy to the same target"
                         " again, which tells. Or, where the copy is given up,"
                         " use `rruled store reopen` with " +
                         source.name());
  }
}

}  // namespace

CopyReport copy_rows(CopySource& source, CopyTarget& target) {
  CopyReport report;
  refuse_second(source, target.name());
  fill(source, target, [&](CopyWriter& writer) {
    report.clear();
    for (const auto& table : copied_tables()) {
      std::size_t rows = 0;
      source.read(table, [&](const std::vector<CopyRow>& page) {
        writer.write(table, page);
        rows += page.size();
      });
      if (writer.count(table) != rows)
        throw StoreError(StoreError::Kind::fault,
                         "of " + std::to_string(rows) + " rows of " + table.name + " only " +
                             std::to_string(writer.count(table)) + " arrived in " + target.name() +
                             "; nothing was changed: please report this");
      report.emplace_back(table.name, rows);
    }
    writer.write(source.marks());
    writer.flush();
    source.mark_moved(target.name());
  });
  return report;
}

CopyReport copy_store(const StoreLocation& from, const StoreLocation& to, Timestamp now) {
  if (!is_file(from)) refuse_copy("only a file can be copied from: sqlite:///absolute/path");
  const auto path = path_of(from);
  if (is_file(to) &&
      inspect_sqlite_file(path, false).path == inspect_sqlite_file(path_of(to), true).path)
    refuse_copy("both are the same file: " + path);
  const auto source = open_sqlite_source(path, now);
  // Before the file is made.
  if (is_file(to)) refuse_second(*source, std::string(kSqliteScheme) + path_of(to));
  const auto target = open_target(to);
  return copy_rows(*source, *target);
}

std::string moved_to(const StoreLocation& location) {
  return is_file(location) ? sqlite_moved_to(path_of(location)) : postgres_mark(location);
}

std::string reopen_store(const StoreLocation& location) {
  if (is_file(location)) return reopen_sqlite(path_of(location));
  if (is_server(location)) return reopen_postgres(location);
  refuse_copy("the store to reopen must begin with sqlite:// or postgresql://");
}

}  // namespace rruled::store
