#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/executor.h"
#include "daemon/io/http_client.h"
#include "daemon/io/secret.h"
#include "daemon/io/setting_error.h"
#include "daemon/io/url_template.h"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rruled::io {

struct HttpExecutorOptions {
  // Exactly one of the two. To `base_url`, another hog_flows API, goes
  //   POST {base_url}/api/projects/{project_id}/hog_flows/{flow_id}/{batch_jobs|invocations}/
  // with {"variables":{..}}; to `url` (placeholders: url_template.h) the run's frozen body.
  std::string base_url{};
  std::string url{};
  std::optional<Secret> token{};              // sent as a bearer token
  std::filesystem::path ca_file{};            // PEM; empty: the system's store
  std::chrono::milliseconds timeout{30'000};  // of an attempt, unless the run says otherwise
  // `base_url`: a batch job that it accepts is tracked, and first asked about after so long;
  // absent: its run ends with the 2xx.
  std::optional<std::chrono::milliseconds> track_after{};
  std::size_t response_bytes_max = 1'048'576;
  // Kept open between runs: as many as may be in flight, or a burst pays for connecting each time.
  std::size_t connections_kept_max = 32;
};

// POSTs runs over HTTP/1.1. Io thread only.
//
// Every attempt carries the same Idempotency-Key and the same body; started_at of its report is
// when the first byte of the request left. Which status means what: core/retry.h. Where an
// answer breaks off, or its time is over, its status is the verdict; but for one that accepts a
// batch job: the rest must say which.
class HttpExecutor final : public Executor {
 public:
  // `clock` must outlive the executor. Refuses settings that could never work.
  [[nodiscard]] static SettingResult<std::unique_ptr<HttpExecutor>> create(
      boost::asio::any_io_executor io, const Clock& clock, HttpExecutorOptions options);

  [[nodiscard]] boost::asio::awaitable<core::Report> deliver(store::Run run,
                                                             SendPermit permit = {}) override;
  [[nodiscard]] RemoteJobs* remote_jobs() override { return remote_jobs_.get(); }
  [[nodiscard]] std::string destination(const store::Run& run) const override;
  [[nodiscard]] std::string payload(const store::Run& run) const override;

 private:
  HttpExecutor(const Clock& clock,
               std::unique_ptr<HttpClient> client,
               std::unique_ptr<RemoteJobs> remote_jobs,
               UrlTemplate url,
               HttpExecutorOptions options);

  [[nodiscard]] HttpRequest request(const store::Run& run) const;
  [[nodiscard]] core::Report judge(const store::Run& run, HttpResponse response) const;
  [[nodiscard]] bool names_job(const store::Run& run, const HttpResponse& response) const;
  void read_job(std::string_view body, core::Report& report) const;
  [[nodiscard]] std::string snippet(std::string text) const;

  const Clock& clock_;
  const HttpExecutorOptions options_;
  const bool api_;  // to `base_url`
  const UrlTemplate url_;
  const std::unique_ptr<HttpClient> client_;
  const std::unique_ptr<RemoteJobs> remote_jobs_;  // null: nothing is tracked
};

}  // namespace rruled::io
