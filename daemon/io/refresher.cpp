#include "daemon/io/refresher.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/refresh.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/calendar_finder.h"
#include "daemon/io/run_on.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <span>
#include <string_view>
#include <utility>

namespace rruled::io {
namespace {

// Some 20 ms where all of them have moved: what is due must not wait long for it.
constexpr std::size_t kRefreshPage = 50;
constexpr std::string_view kUnknownVersion = "unknown";
constexpr store::Timestamp kEndOfTime = date::sys_days{date::year{2202} / 1 / 1};

// What is to be written of one schedule, and what is said then.
struct Move {
  core::Refreshed change;
  std::string text;
};

std::string time_or_nothing(const std::optional<store::Instant>& instant) {
  return instant ? core::rfc3339(*instant) : "nothing";
}

std::string text_of(const Refreshable& each, const core::Refreshed& change) {
  const std::string next = "next " + time_or_nothing(change.put.schedule.next_run_at);
  if (change.kind == core::Refreshed::Kind::revived)
    return each.name + "  can be used again; " + next;
  return each.name + "  moves with the rules of " + each.row.timezone + ": " + next + ", was " +
         time_or_nothing(change.from);
}

// False: one of them was written meanwhile, by the present rules.
bool write_moves(store::Store& store,
                 std::span<const Move> moves,
                 store::Timestamp now,
                 spdlog::logger& log) {
  store::ChangeSet changes;
  for (const auto& [change, text] : moves) {
    changes.schedules.push_back(change.put);
    if (change.gap) changes.gaps.push_back(*change.gap);
    if (change.excluded) changes.gaps.push_back(*change.excluded);
  }
  if (store.write(changes, now)) return false;
  for (const auto& each : moves) log.warn("{}", each.text);
  return true;
}

}  // namespace

std::size_t refresh(store::Store& store,
                    store::Directory& directory,
                    const rrule::ZoneDatabase& zones,
                    const std::vector<Refreshable>& schedules,
                    store::Timestamp now,
                    spdlog::logger& log) {
  const auto calendars = calendar_finder(directory, zones);
  std::vector<Move> moves;
  for (const auto& each : schedules) {
    auto change = core::refreshed(each.row, each.flow_fires, zones, calendars, now);
    if (!change) continue;
    std::string text = text_of(each, *change);
    moves.push_back({std::move(*change), std::move(text)});
  }
  if (moves.empty()) return 0;
  if (write_moves(store, moves, now, log)) return moves.size();
  std::size_t written = 0;
  for (const auto& move : moves) written += write_moves(store, {&move, 1}, now, log) ? 1 : 0;
  return written;
}

Refresher::Refresher(StoreLane lane,
                     const rrule::ZoneDatabase& zones,
                     const Clock& clock,
                     std::shared_ptr<spdlog::logger> log)
    : lane_(lane),
      zones_(zones),
      clock_(clock),
      log_(std::move(log)),
      directory_(lane.store.directory()) {}

boost::asio::awaitable<void> Refresher::run(bool zones_changed) {
  try {
    co_await look_at_all(zones_changed);
  } catch (const std::exception& error) {
    log_->error("schedules could not all be looked at again: {}", error.what());
  }
}

boost::asio::awaitable<void> Refresher::look_at_all(bool zones_changed) {
  auto broken = [this, offset = std::size_t{0}]() mutable { return look_at_broken(offset); };
  co_await go_through(std::move(broken));
  const std::string version = zones_.version();
  auto ask = [this] { return lane_.store.zones_version(); };
  const bool same = co_await run_on(lane_.thread, std::move(ask)) == version;
  if (same && !zones_changed && version != kUnknownVersion) co_return;
  auto active = [this, after = std::optional<store::DueCursor>()]() mutable {
    return look_at_active(after);
  };
  co_await go_through(std::move(active));
  auto note = [this, version] {
    lane_.store.set_zones_version(version);
    return true;
  };
  co_await run_on(lane_.thread, std::move(note));
}

// `page` gives how many rows it saw.
template <class Page>
boost::asio::awaitable<void> Refresher::go_through(Page page) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  for (;;) {
    const auto began = clock_.steady();
    auto next = [&page] { return page(); };
    if (co_await run_on(lane_.thread, std::move(next)) < kRefreshPage) co_return;
    timer.expires_after(clock_.steady() - began);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

std::size_t Refresher::look_at_broken(std::size_t& offset) {
  auto rows = lane_.store.schedules(
      {.status = store::ScheduleStatus::error, .limit = kRefreshPage, .offset = offset});
  std::vector<Refreshable> schedules;
  for (store::Schedule& row : rows) {
    const auto flow = lane_.store.flow(row.flow_id);
    if (!flow) continue;
    schedules.push_back({std::move(row), core::can_fire(flow->status, flow->trigger_type),
                         flow->name.value_or(to_string(flow->id))});
  }
  offset += rows.size() - refresh(lane_.store, *directory_, zones_, schedules, clock_.now(), *log_);
  return rows.size();
}

std::size_t Refresher::look_at_active(std::optional<store::DueCursor>& after) {
  auto rows = lane_.store.load_due(after, kEndOfTime, kRefreshPage);
  if (!rows.empty())
    after = store::DueCursor{*rows.back().schedule.next_due_at, rows.back().schedule.id};
  std::vector<Refreshable> schedules;
  for (store::DueSchedule& row : rows) {
    const bool fires = core::can_fire(row.flow_status, row.trigger_type);
    std::string name = row.flow_name.value_or(to_string(row.schedule.flow_id));
    schedules.push_back({std::move(row.schedule), fires, std::move(name)});
  }
  refresh(lane_.store, *directory_, zones_, schedules, clock_.now(), *log_);
  return rows.size();
}

}  // namespace rruled::io
