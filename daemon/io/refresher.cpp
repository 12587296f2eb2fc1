#include "daemon/io/refresher.h"

#include "daemon/core/lifecycle.h"
#include "daemon/core/refresh.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/run_on.h"

#include <map>
#include <utility>

namespace rruled::io {
namespace {

constexpr std::size_t kPage = 500;

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
      log_(std::move(log)) {}

boost::asio::awaitable<void> Refresher::run() {
  try {
    for (std::size_t offset = 0;; offset += kPage) {
      auto page = [this, offset] { return refresh_page(offset); };
      if (co_await run_on(store_thread_, std::move(page)) < kPage) co_return;
    }
  } catch (const store::StoreError& error) {
    log_->error("schedules could not all be looked at again: {}", error.what());
  }
}

std::size_t Refresher::refresh_page(std::size_t offset) {
  const auto rows = store_.schedules({.limit = kPage, .offset = offset});
  std::map<store::FlowId, std::optional<store::Flow>> flows;
  for (const store::Schedule& row : rows) {
    auto [flow, first] = flows.try_emplace(row.flow_id);
    if (first) flow->second = store_.flow(row.flow_id);
    if (flow->second) refresh_one(row, *flow->second);
  }
  return rows.size();
}

void Refresher::refresh_one(const store::Schedule& row, const store::Flow& flow) {
  const auto now = clock_.now();
  auto change = core::refreshed(row, core::can_fire(flow.status, flow.trigger_type), zones_, now);
  if (!change) return;
  store::ChangeSet changes;
  const auto to = change->put.schedule.next_run_at;
  changes.schedules.push_back(std::move(change->put));
  if (change->gap) changes.gaps.push_back(*change->gap);
  if (store_.write(changes, now)) return;  // written meanwhile, by the present rules
  const std::string name = flow.name.value_or(to_string(flow.id));
  if (change->kind == core::Refreshed::Kind::revived) {
    log_->warn("{}  can be used again; next {}", name, time_or_nothing(to));
  } else {
    log_->warn("{}  moves with the rules of {}: next {}, was {}", name, row.timezone,
               time_or_nothing(to), time_or_nothing(change->from));
  }
}

}  // namespace rruled::io
