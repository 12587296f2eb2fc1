#include "daemon/io/refresher.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/refresh.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/calendar_finder.h"
#include "daemon/io/run_on.h"

#include <string_view>
#include <utility>

namespace rruled::io {
namespace {

constexpr std::size_t kRefreshPage = 500;
constexpr std::string_view kUnknownVersion = "unknown";
constexpr store::Timestamp kEndOfTime = date::sys_days{date::year{2202} / 1 / 1};

std::string time_or_nothing(const std::optional<store::Instant>& instant) {
  return instant ? core::rfc3339(*instant) : "nothing";
}

}  // namespace

Refresher::Refresher(store::Store& store,
                     boost::asio::thread_pool& store_thread,
                     const rrule::ZoneDatabase& zones,
                     const Clock& clock,
                     std::shared_ptr<spdlog::logger> log)
    : store_(store),
      store_thread_(store_thread),
      zones_(zones),
      clock_(clock),
      log_(std::move(log)),
      directory_(store::directory_of(store)) {}

boost::asio::awaitable<void> Refresher::run(bool zones_changed) {
  try {
    co_await look_at_all(zones_changed);
  } catch (const store::StoreError& error) {
    log_->error("schedules could not all be looked at again: {}", error.what());
  }
}

boost::asio::awaitable<void> Refresher::look_at_all(bool zones_changed) {
  for (std::size_t offset = 0;;) {
    auto page = [this, &offset] { return look_at_broken(offset); };
    if (co_await run_on(store_thread_, std::move(page)) < kRefreshPage) break;
  }
  const std::string version = zones_.version();
  auto ask = [this] { return store_.zones_version(); };
  const bool same = co_await run_on(store_thread_, std::move(ask)) == version;
  if (same && !zones_changed && version != kUnknownVersion) co_return;
  for (std::optional<store::DueCursor> after;;) {
    auto page = [this, &after] { return look_at_active(after); };
    if (co_await run_on(store_thread_, std::move(page)) < kRefreshPage) break;
  }
  auto note = [this, version] {
    store_.set_zones_version(version);
    return true;
  };
  co_await run_on(store_thread_, std::move(note));
}

std::size_t Refresher::look_at_broken(std::size_t& offset) {
  const auto rows = store_.schedules(
      {.status = store::ScheduleStatus::error, .limit = kRefreshPage, .offset = offset});
  for (const store::Schedule& row : rows) {
    const auto flow = store_.flow(row.flow_id);
    const bool revived = flow && look_at(row, core::can_fire(flow->status, flow->trigger_type),
                                         flow->name.value_or(to_string(flow->id)));
    if (!revived) ++offset;
  }
  return rows.size();
}

std::size_t Refresher::look_at_active(std::optional<store::DueCursor>& after) {
  const auto rows = store_.load_due(after, kEndOfTime, kRefreshPage);
  for (const store::DueSchedule& row : rows)
    look_at(row.schedule, core::can_fire(row.flow_status, row.trigger_type),
            row.flow_name.value_or(to_string(row.schedule.flow_id)));
  if (!rows.empty())
    after = store::DueCursor{*rows.back().schedule.next_due_at, rows.back().schedule.id};
  return rows.size();
}

bool Refresher::look_at(const store::Schedule& row, bool flow_fires, const std::string& name) {
  const auto now = clock_.now();
  auto change = core::refreshed(row, flow_fires, zones_, calendar_finder(*directory_, zones_), now);
  if (!change) return false;
  store::ChangeSet changes;
  const auto to = change->put.schedule.next_run_at;
  changes.schedules.push_back(std::move(change->put));
  if (change->gap) changes.gaps.push_back(*change->gap);
  if (change->excluded) changes.gaps.push_back(*change->excluded);
  if (store_.write(changes, now)) return false;  // written meanwhile, by the present rules
  if (change->kind == core::Refreshed::Kind::revived) {
    log_->warn("{}  can be used again; next {}", name, time_or_nothing(to));
  } else {
    log_->warn("{}  moves with the rules of {}: next {}, was {}", name, row.timezone,
               time_or_nothing(to), time_or_nothing(change->from));
  }
  return true;
}

}  // namespace rruled::io
