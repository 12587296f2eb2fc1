#pragma once

#include "daemon/io/clock.h"
#include "rrule/zone_database.h"
#include "store/store.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <spdlog/logger.h>

#include <cstddef>
#include <memory>

namespace rruled::io {

// Looks at every stored schedule again (core/refresh.h), page by page on the store's thread, so
// that firing goes on meanwhile, and says what moved. All given outlive it.
class Refresher {
 public:
  Refresher(store::Store& store,
            boost::asio::thread_pool& store_thread,
            const rrule::ZoneDatabase& zones,
            const Clock& clock,
            std::shared_ptr<spdlog::logger> log);

  // Ends when all were seen. Faults of the store end it early and are said.
  [[nodiscard]] boost::asio::awaitable<void> run();

 private:
  // Rows seen: fewer than a page at the end.
  [[nodiscard]] std::size_t refresh_page(std::size_t offset);
  void refresh_one(const store::Schedule& row, const store::Flow& flow);

  store::Store& store_;
  boost::asio::thread_pool& store_thread_;
  const rrule::ZoneDatabase& zones_;
  const Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
};

}  // namespace rruled::io
