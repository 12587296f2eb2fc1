#include "daemon/io/refresher.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/refresh.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/calendar_finder.h"
#include "daemon/io/run_on.h"
#include "daemon/io/trouble.h"

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

// What is to be written of one schedule, and what is said then, or when it is refused.
struct Move {
  core::Refreshed change;
  std::string text;
  std::string refused;
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

std::string refused_text_of(const Refreshable& each, const core::Refreshed& change) {
  const std::string row = each.name + "  schedule " + to_string(each.row.id);
  if (change.kind == core::Refreshed::Kind::revived)
    return row + " stays in error, although its rule can be used again";
  return row + " stays by the old rules of " + each.row.timezone +
         ", and all are looked at again at the next SIGHUP or start";
}

struct Outcome {
  bool written = false;   // false and not refused: one was written meanwhile, by the present rules
  std::string refusal{};  // why the store refuses one of them
};

Outcome write_moves(store::Store& store,
                    std::span<const Move> moves,
                    store::Timestamp now,
                    spdlog::logger& log) {
  store::ChangeSet changes;
  for (const auto& each : moves) {
    changes.schedules.push_back(each.change.put);
    if (each.change.gap) changes.gaps.push_back(*each.change.gap);
    if (each.change.excluded) changes.gaps.push_back(*each.change.excluded);
  }
  try {
    if (store.write(changes, now)) return {};
  } catch (const store::StoreError& error) {
    if (!is_refused(error)) throw;
    return {.refusal = error.what()};
  }
  for (const auto& each : moves) log.warn("{}", each.text);
  return {.written = true};
}

}  // namespace

RefreshCount refresh(store::Store& store,
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
    std::string refused = refused_text_of(each, *change);
    moves.push_back({std::move(*change), std::move(text), std::move(refused)});
  }
  if (moves.empty()) return {};
  if (write_moves(store, moves, now, log).written) return {.written = moves.size()};
  RefreshCount count;
  for (const auto& move : moves) {
    const auto [written, refusal] = write_moves(store, {&move, 1}, now, log);
    count.written += written ? 1 : 0;
    if (refusal.empty()) continue;
    ++count.refused;
    log.error("{}: {}", move.refused, refusal);
  }
  return count;
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
  std::size_t refused = 0;
  auto active = [this, &refused, after = std::optional<store::DueCursor>()]() mutable {
    return look_at_active(after, refused);
  };
  co_await go_through(std::move(active));
  if (refused > 0) co_return;
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
  offset += rows.size() -
            refresh(lane_.store, *directory_, zones_, schedules, clock_.now(), *log_).written;
  return rows.size();
}

std::size_t Refresher::look_at_active(std::optional<store::DueCursor>& after,
                                      std::size_t& refused) {
  auto rows = lane_.store.load_due(after, kEndOfTime, kRefreshPage);
  if (!rows.empty())
    after = store::DueCursor{*rows.back().schedule.next_due_at, rows.back().schedule.id};
  std::vector<Refreshable> schedules;
  for (store::DueSchedule& row : rows) {
    const bool fires = core::can_fire(row.flow_status, row.trigger_type);
    std::string name = row.flow_name.value_or(to_string(row.schedule.flow_id));
    schedules.push_back({std::move(row.schedule), fires, std::move(name)});
  }
  refused += refresh(lane_.store, *directory_, zones_, schedules, clock_.now(), *log_).refused;
  return rows.size();
}

}  // namespace rruled::io
