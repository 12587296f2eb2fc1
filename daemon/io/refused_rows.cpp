#include "daemon/io/refused_rows.h"

namespace rruled::io {

void RefusedRows::attempt(const std::string& row,
                          const char* undone,
                          const std::function<void()>& work) {
  if (is_set_aside(row)) return;
  try {
    work();
    rows_.erase(row);
  } catch (const store::StoreError& error) {
    if (!may_be_of_row(error)) throw;
    set_aside(row, undone, error);
  }
}

void RefusedRows::set_aside(const std::string& row,
                            const char* undone,
                            const store::StoreError& error) {
  const auto now = clock_.steady();
  // Those that nobody came back to: mended, or gone.
  std::erase_if(rows_, [&](const auto& each) { return each.second.until + kSaidEvery < now; });
  Refused& refused = rows_[row];
  refused.until = now + kSetAside;
  if (refused.trouble.is_news(error.what(), now))
    log_.error("{} {}: {}", row, undone, error.what());
}

bool RefusedRows::is_set_aside(const std::string& row) const {
  const auto found = rows_.find(row);
  return found != rows_.end() && clock_.steady() < found->second.until;
}

}  // namespace rruled::io
