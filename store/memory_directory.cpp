#include "store/memory_directory.h"

#include "store/directory_filter.h"
#include "store/run_rules.h"

#include <algorithm>
#include <limits>

namespace rruled::store {
namespace {

constexpr auto kAll = std::numeric_limits<std::size_t>::max();

template <class Row, class Filter>
Page<Row> page_of(std::vector<Row> rows, const Filter& filter, PageRange range) {
  std::erase_if(rows, [&](const Row& row) { return !matches(filter, row); });
  Page<Row> page;
  page.count = rows.size();
  const auto from = rows.begin() + static_cast<std::ptrdiff_t>(std::min(range.offset, rows.size()));
  const auto left = static_cast<std::size_t>(rows.end() - from);
  page.rows.assign(
      std::make_move_iterator(from),
      std::make_move_iterator(from + static_cast<std::ptrdiff_t>(std::min(range.limit, left))));
  return page;
}

}  // namespace

Page<Flow> MemoryDirectory::flows(const FlowFilter& filter, PageRange range) {
  return page_of(store_.flows({.limit = kAll}), filter, range);
}

Page<Schedule> MemoryDirectory::schedules(const ScheduleFilter& filter, PageRange range) {
  auto rows = store_.schedules({.limit = kAll});
  if (filter.due_before)
    std::sort(rows.begin(), rows.end(), [](const Schedule& a, const Schedule& b) {
      return std::tie(a.next_due_at, a.id) < std::tie(b.next_due_at, b.id);
    });
  return page_of(std::move(rows), filter, range);
}

Page<Run> MemoryDirectory::runs(const RunFilter& filter, PageRange range, bool counted) {
  auto page = page_of(store_.runs({.limit = kAll}), filter, range);
  if (!counted) page.count = 0;
  return page;
}

Page<LogEntry> MemoryDirectory::logs(const LogFilter& filter, PageRange range) {
  return page_of(store_.logs({.limit = kAll}), filter, range);
}

void MemoryDirectory::add_token(const Token& token) { tokens_.push_back(token); }

std::optional<Token> MemoryDirectory::token_by_hash(const std::string& hash) {
  const auto found = std::find_if(tokens_.begin(), tokens_.end(),
                                  [&](const Token& token) { return token.hash == hash; });
  return found == tokens_.end() ? std::nullopt : std::optional(*found);
}

std::vector<Token> MemoryDirectory::tokens() {
  auto all = tokens_;
  std::sort(all.begin(), all.end(), [](const Token& a, const Token& b) {
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  });
  return all;
}

bool MemoryDirectory::revoke_token(TokenId id, Timestamp now) {
  for (Token& token : tokens_) {
    if (token.id != id) continue;
    if (!token.revoked_at) token.revoked_at = now;
    return true;
  }
  return false;
}

void MemoryDirectory::touch_token(TokenId id, Timestamp now) {
  for (Token& token : tokens_)
    if (token.id == id) token.last_used_at = now;
}

std::string MemoryDirectory::remember_request(const boost::uuids::uuid& made,
                                              const std::string& digest) {
  return requests_.emplace(made, digest).first->second;
}

CancelResult MemoryDirectory::cancel_run(RunId id, const std::string& reason, Timestamp now) {
  return store_.cancel_run(id, reason, now);
}

}  // namespace rruled::store
