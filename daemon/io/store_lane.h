#pragma once

#include "store/store.h"

#include <boost/asio/thread_pool.hpp>

namespace rruled::io {

// A store and the thread that uses it: exactly one, so that completions come back in the order of
// the work.
struct StoreLane {
  store::Store& store;
  boost::asio::thread_pool& thread;
};

}  // namespace rruled::io
