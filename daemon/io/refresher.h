#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/store_lane.h"
#include "rrule/zone_database.h"
#include "store/directory.h"

#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rruled::io {

struct Refreshable {
  store::Schedule row;
  bool flow_fires = false;  // can_fire() of its flow
  std::string name;         // for people
};

struct RefreshCount {
  std::size_t written = 0;
  std::size_t refused = 0;  // by the store: somebody has to correct them

  friend bool operator==(const RefreshCount&, const RefreshCount&) = default;
};

// Looks at stored schedules again (core/refresh.h) and writes what moved: all in one transaction,
// or, where one of them was written meanwhile or is refused, each of the others in its own. Says
// what moved, and what is refused. Used on the store's thread.
RefreshCount refresh(store::Store& store,
                     store::Directory& directory,
                     const rrule::ZoneDatabase& zones,
                     const std::vector<Refreshable>& schedules,
                     store::Timestamp now,
                     spdlog::logger& log);

// Does so a few schedules at a time, with a pause as long as that took after each time, so that
// firing goes on meanwhile: at those in error, and, where the zones have changed or the store has
// them by another version (Store::zones_version), at all that can fire. While one of these is
// refused the version stays as it was, so that the next look, too, is at all. All given outlive it.
class Refresher {
 public:
  Refresher(StoreLane lane,
            const rrule::ZoneDatabase& zones,
            const Clock& clock,
            std::shared_ptr<spdlog::logger> log);

  // Ends when all were seen. A fault, of the store or another, ends it early and is said.
  [[nodiscard]] boost::asio::awaitable<void> run(bool zones_changed);

 private:
  [[nodiscard]] boost::asio::awaitable<void> look_at_all(bool zones_changed);
  template <class Page>
  [[nodiscard]] boost::asio::awaitable<void> go_through(Page page);
  // Each gives how many rows it saw: fewer than a page at the end.
  [[nodiscard]] std::size_t look_at_broken(std::size_t& offset);
  [[nodiscard]] std::size_t look_at_active(std::optional<store::DueCursor>& after,
                                           std::size_t& refused);

  const StoreLane lane_;
  const rrule::ZoneDatabase& zones_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<store::Directory> directory_;
};

}  // namespace rruled::io
