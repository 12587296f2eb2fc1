#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/http_client.h"
#include "daemon/io/remote_jobs.h"
#include "daemon/io/secret.h"
#include "daemon/io/setting_error.h"
#include "daemon/io/url_template.h"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

namespace rruled::io {

struct HttpRemoteJobsOptions {
  std::optional<Secret> token{};
  std::filesystem::path ca_file{};
  std::chrono::milliseconds timeout{30'000};  // of one request
};

// GET {flow}batch_jobs/ and POST {flow}batch_jobs/{id}/cancel/.
class HttpRemoteJobs final : public RemoteJobs {
 public:
  // `flow` leads to a flow of the other side and ends with a slash. `clock` must outlive it.
  [[nodiscard]] static SettingResult<std::unique_ptr<HttpRemoteJobs>> create(
      boost::asio::any_io_executor io,
      const Clock& clock,
      UrlTemplate flow,
      HttpRemoteJobsOptions options);

  [[nodiscard]] boost::asio::awaitable<Look> look(store::Run run,
                                                  std::set<std::string> wanted) override;
  [[nodiscard]] boost::asio::awaitable<CancelAnswer> cancel(store::Run run) override;

 private:
  HttpRemoteJobs(const Clock& clock,
                 std::unique_ptr<HttpClient> client,
                 UrlTemplate flow,
                 HttpRemoteJobsOptions options);
  [[nodiscard]] HttpRequest request(std::string method, std::string target) const;

  const Clock& clock_;
  const std::unique_ptr<HttpClient> client_;
  const UrlTemplate flow_;
  const HttpRemoteJobsOptions options_;
};

}  // namespace rruled::io
