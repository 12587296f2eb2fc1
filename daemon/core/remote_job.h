#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What another hog_flows API says of its batch jobs. Pure; what is not as expected is left out, as
// servers of many ages answer.
namespace rruled::core {

enum class RemoteState {
  live,  // waiting, queued, active, and words that we do not know
  completed,
  failed,
  cancelled
};

struct RemoteJob {
  std::string id;  // letters, digits, "-", "_", "."; at most 200: fit for a path
  RemoteState state = RemoteState::live;
  std::string error;  // where the other side says why
};

// The answer to the POST that makes a job, or cancels one; absent: it names no job.
[[nodiscard]] std::optional<RemoteJob> read_remote_job(std::string_view body);

// A list, newest first: a bare array, or a page {"count","next","previous","results"}.
struct RemotePage {
  std::vector<RemoteJob> jobs;
  std::string next_query;  // of the address of the next page, with its "?"; empty: there is none
};
// Absent: it is no list.
[[nodiscard]] std::optional<RemotePage> read_remote_page(std::string_view body);

}  // namespace rruled::core
