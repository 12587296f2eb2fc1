#pragma once

#include "daemon/api/message.h"
#include "daemon/api/router.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Who may do what. Pure.
namespace rruled::api {

// What the sender of a request may do, and who that is in the audit log.
struct Grant {
  std::string who;                           // "token 0190.. (name)", or "local"
  std::optional<std::int64_t> project_id{};  // absent: every project
  Scope scope = Scope::open;                 // write includes read
};

// The credentials of "Authorization: Bearer ..". nullopt: no such header, more than
// one, or another scheme.
[[nodiscard]] std::optional<std::string_view> bearer_token(const Request& request);

// A route's scope and the project in its path against what was granted; a response refuses. `path`:
// the route's project; absent: it has none.
[[nodiscard]] std::optional<Response> refuse_grant(const Grant& grant,
                                                   Scope scope,
                                                   std::optional<std::int64_t> path_project);

// For a listener without tokens: only programs of this machine, and no page that a browser of this
// machine shows (DNS rebinding: Host; cross-site requests: Origin).
[[nodiscard]] std::optional<Response> refuse_foreign(const Request& request);

}  // namespace rruled::api
