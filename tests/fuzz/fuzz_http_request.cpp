// Any bytes as what a client sends on one connection, split anywhere: no crash, the same requests
// taken however they are split, and none that a proxy could read differently. What is wrong with
// the one after them may be noticed sooner or later.
#include "daemon/api/form.h"
#include "daemon/api/incoming.h"
#include "daemon/core/json_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace rruled::api;

constexpr ServerLimits kLimits{.head_bytes_max = 512, .body_bytes_max = 256};
// Where an input becomes the seed of its splits.
constexpr std::size_t kSeedBytes = 2;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const Request& request, const HeadFacts& facts) {
  require(request.target == "*" || request.target.front() == '/');
  require(request.body.size() <= kLimits.body_bytes_max);
  require(facts.chunked || request.body.size() == facts.content_length);
  require(request.version == 11 || !facts.chunked);
  for (const auto& [name, value] : request.headers) {
    require(!name.empty());
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  (void)parse_form(request.query);
  (void)rruled::core::parse_json(request.body);
}

// What a session makes of the bytes.
class Reader {
 public:
  // False: nothing more is read.
  bool put(std::string_view bytes) {
    buffer_ += bytes;
    while (!ended_) {
      if (!incoming_ && !begin()) break;
      if (incoming_->take_body(buffer_)) return end();
      if (!incoming_->complete()) break;
      const HeadFacts facts = incoming_->facts();
      const Request request = incoming_->release();
      check(request, facts);
      taken.push_back(request.method + " " + request.target + " " + request.body);
      incoming_.reset();
    }
    return !ended_;
  }
  std::vector<std::string> taken;

 private:
  bool begin() {
    const auto size = head_size(buffer_);
    if (size.value_or(buffer_.size()) > kLimits.head_bytes_max) return end();
    if (!size) return false;
    incoming_.emplace(kLimits);
    if (incoming_->take_head(buffer_, *size)) return end();
    return true;
  }
  bool end() {
    ended_ = true;
    return false;
  }

  std::string buffer_;
  std::optional<Incoming> incoming_;
  bool ended_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < kSeedBytes) return 0;
  std::mt19937 random(static_cast<unsigned>(bytes[0] * 256 + bytes[1]));
  const std::string_view all(reinterpret_cast<const char*>(bytes) + kSeedBytes, size - kSeedBytes);
  Reader whole;
  whole.put(all);
  Reader split;
  for (std::size_t at = 0; at < all.size();) {
    const auto piece = std::uniform_int_distribution<std::size_t>(1, 1 + random() % 64)(random);
    if (!split.put(all.substr(at, piece))) break;
    at += piece;
  }
  require(whole.taken == split.taken);
  return 0;
}
