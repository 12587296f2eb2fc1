#pragma once

#include "daemon/io/clock.h"
#include "store/store.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rruled::io {

// Until when the claims of this process may be acted on (semantics.md, P4): ttl after the moment
// before the store was asked, less a margin, by a clock that goes on while the machine sleeps. The
// store lets a claim lapse ttl after it answered, so this end always comes first. Io thread only.
class ClaimDeadlines {
 public:
  // Without `ttl` claims last as long as the session. `clock` must outlive this.
  ClaimDeadlines(const Clock& clock, std::optional<std::chrono::milliseconds> ttl)
      : clock_(clock), ttl_(ttl) {}

  // To be called before the store is asked; what the calls below want.
  [[nodiscard]] std::chrono::nanoseconds asking() const { return clock_.since_boot(); }
  void granted(const std::vector<store::Run>& runs, std::chrono::nanoseconds asked) {
    if (!ttl_) return;
    for (const store::Run& run : runs) claims_[run.id] = {run.fence, end(asked)};
  }
  // All that are left; the others are forgotten. One that was not extended ends when it would have.
  void extended(const std::vector<store::HeldClaim>& claims, std::chrono::nanoseconds asked) {
    if (!ttl_) return;
    const auto before = std::exchange(claims_, {});
    for (const store::HeldClaim& claim : claims) {
      const auto known = before.find(claim.run_id);
      if (claim.extended)
        claims_[claim.run_id] = {claim.fence, end(asked)};
      else if (known != before.end())
        claims_.insert(*known);
    }
  }
  void ended(store::RunId id, std::int64_t fence) {
    const auto found = claims_.find(id);
    if (found != claims_.end() && found->second.fence == fence) claims_.erase(found);
  }

  // Not by an older claim on a run that was claimed again since.
  [[nodiscard]] bool may_act(store::RunId id, std::int64_t fence) const {
    if (!ttl_) return true;
    const auto found = claims_.find(id);
    return found != claims_.end() && found->second.fence == fence &&
           clock_.since_boot() < found->second.end;
  }

 private:
  struct Claim {
    std::int64_t fence = 0;
    std::chrono::nanoseconds end{};
  };
  // A ninth: 5 s of the usual 45 s.
  [[nodiscard]] std::chrono::nanoseconds end(std::chrono::nanoseconds asked) const {
    return asked + *ttl_ - *ttl_ / 9;
  }

  const Clock& clock_;
  const std::optional<std::chrono::milliseconds> ttl_;
  std::unordered_map<store::RunId, Claim> claims_;
};

}  // namespace rruled::io
