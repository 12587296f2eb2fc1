#pragma once

#include "daemon/core/remote_job.h"
#include "store/types.h"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace rruled::io {

// The batch jobs of another hog_flows API that runs have become. Io thread only. Throws nothing for
// what the other side or the network did; cancelled through the awaiting coroutine's slot, it ends
// with an error.
class RemoteJobs {
 public:
  RemoteJobs() = default;
  RemoteJobs(const RemoteJobs&) = delete;
  RemoteJobs& operator=(const RemoteJobs&) = delete;
  virtual ~RemoteJobs() = default;

  struct Look {
    std::vector<core::RemoteJob> jobs;  // of those wanted, what the list had; also with an error
    std::string error;                  // one line for a person: the list could not be read
  };
  // One walk through the list of a flow, that of `run`, until all were found.
  [[nodiscard]] virtual boost::asio::awaitable<Look> look(store::Run run,
                                                          std::set<std::string> wanted) = 0;

  struct CancelAnswer {
    enum class Kind {
      accepted,  // `job` as it is now, where the other side says so
      refused,   // it cannot be cancelled there: no such job, or no such endpoint
      failed     // may work later
    };
    Kind kind = Kind::failed;
    std::optional<core::RemoteJob> job{};
    std::string error{};
  };
  // Of the job that is run.remote_id.
  [[nodiscard]] virtual boost::asio::awaitable<CancelAnswer> cancel(store::Run run) = 0;
};

}  // namespace rruled::io
