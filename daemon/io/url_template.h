#pragma once

#include "daemon/io/setting_error.h"
#include "store/types.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace rruled::io {

struct HttpRequest;

// A URL with places for what a run says: {project_id}, {flow_id}, {schedule_id} (empty for a run
// without a schedule) and {run_id}; and for the templates of core/templates.h, but for local times:
// {{ scheduled_for | %Y-%m-%d }}. Value type.
//
// They stand in the path and the query only: the host is fixed when the template is read, so that a
// token configured for it cannot go elsewhere.
class UrlTemplate {
 public:
  // http or https; no user, no fragment, no other placeholder. `setting` is named in the error.
  [[nodiscard]] static SettingResult<UrlTemplate> parse(std::string_view text,
                                                        std::string_view setting);

  [[nodiscard]] bool tls() const { return tls_; }
  // A name or an address; of IPv6 without brackets.
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Path and query for `run`, beginning with a slash.
  [[nodiscard]] std::string target(const store::Run& run) const;
  // The whole URL for `run`.
  [[nodiscard]] std::string url(const store::Run& run) const;
  // A POST to it, without headers and body.
  [[nodiscard]] HttpRequest request(const store::Run& run) const;

 private:
  bool tls_ = false;
  std::string host_;
  std::uint16_t port_ = 0;
  std::string origin_;  // "https://host:port" as written
  std::string target_;  // with placeholders
};

// A URL without a user, fit to be shown: its query may hold a key. "https://host/path?..".
[[nodiscard]] std::string without_query(const std::string& url);

}  // namespace rruled::io
