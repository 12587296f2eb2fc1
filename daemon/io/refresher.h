#pragma once

#include "daemon/io/clock.h"
#include "rrule/zone_database.h"
#include "store/directory.h"
#include "store/store.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <spdlog/logger.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace rruled::io {

// Looks at stored schedules again (core/refresh.h), page by page on the store's thread, so that
// firing goes on meanwhile, and says what moved: at those in error, and, where the zones have
// changed or the store has them by another version (Store::zones_version), at all that can fire.
// All given outlive it.
class Refresher {
 public:
  Refresher(store::Store& store,
            boost::asio::thread_pool& store_thread,
            const rrule::ZoneDatabase& zones,
            const Clock& clock,
            std::shared_ptr<spdlog::logger> log);

  // Ends when all were seen. Faults of the store end it early and are said.
  [[nodiscard]] boost::asio::awaitable<void> run(bool zones_changed);

 private:
  [[nodiscard]] boost::asio::awaitable<void> look_at_all(bool zones_changed);
  // Each gives how many rows it saw: fewer than a page at the end.
  [[nodiscard]] std::size_t look_at_broken(std::size_t& offset);
  [[nodiscard]] std::size_t look_at_active(std::optional<store::DueCursor>& after);
  // True when the row was written.
  bool look_at(const store::Schedule& row, bool flow_fires, const std::string& name);

  store::Store& store_;
  boost::asio::thread_pool& store_thread_;
  const rrule::ZoneDatabase& zones_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<store::Directory> directory_;
};

}  // namespace rruled::io
