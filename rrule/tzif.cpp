#include "rrule/tzif.h"

#include <string>
#include <utility>

namespace rruled::rrule {
namespace {

constexpr std::size_t kHeaderBytes = 44;
constexpr std::size_t kFooterMax = 256;
// RFC 8536 3.2: utoff lies within (-25 h, 26 h).
constexpr std::int32_t kOffsetMin = -25 * 3600;
constexpr std::int32_t kOffsetMax = 26 * 3600;

ParseError error(std::size_t offset, std::string detail, ErrorCode code = ErrorCode::bad_value) {
  return {code, offset, "TZif: " + std::move(detail)};
}

// Big-endian, two's complement.
std::int64_t read_signed(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = (static_cast<unsigned char>(bytes[at]) & 0x80U) != 0 ? ~0ULL : 0ULL;
  for (std::size_t i = 0; i < width; ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return static_cast<std::int64_t>(value);
}

std::uint32_t read_count(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(read_signed(bytes, at, 4));
}

// One header and where its data block starts and ends.
struct Block {
  std::size_t header = 0;
  char version = '\0';
  std::size_t time_width = 4;
  std::uint64_t isut = 0, isstd = 0, leap = 0, time = 0, type = 0, chars = 0;

  [[nodiscard]] std::size_t times_at() const { return header + kHeaderBytes; }
  [[nodiscard]] std::size_t indexes_at() const { return times_at() + time * time_width; }
  [[nodiscard]] std::size_t types_at() const { return indexes_at() + time; }
  [[nodiscard]] std::size_t end() const {
    return types_at() + type * 6 + chars + leap * (time_width + 4) + isstd + isut;
  }
};

Result<Block> read_block(std::string_view bytes, std::size_t at, std::size_t time_width) {
  if (bytes.size() < at + kHeaderBytes) return error(bytes.size(), "the file ends inside a header");
  if (bytes.substr(at, 4) != "TZif") return error(at, "the letters \"TZif\" are missing");
  Block block{at, bytes[at + 4], time_width};
  if (block.version != '\0' && (block.version < '2' || block.version > '4')) {
    return error(at + 4, "version 1 to 4 expected", ErrorCode::unsupported);
  }
  const std::size_t counts = at + 20;
  block.isut = read_count(bytes, counts);
  block.isstd = read_count(bytes, counts + 4);
  block.leap = read_count(bytes, counts + 8);
  block.time = read_count(bytes, counts + 12);
  block.type = read_count(bytes, counts + 16);
  block.chars = read_count(bytes, counts + 20);
  if (block.time > kTzifTransitionsMax) return error(counts + 12, "too many transitions");
  if (block.type > 256) return error(counts + 16, "too many local time types");
  if (block.isut != 0 && block.isut != block.type) return error(counts, "wrong isutcnt");
  if (block.isstd != 0 && block.isstd != block.type) return error(counts + 4, "wrong isstdcnt");
  if (block.end() > bytes.size()) return error(bytes.size(), "the file ends inside its data");
  return block;
}

Result<std::vector<std::int32_t>> read_offsets(std::string_view bytes, const Block& block) {
  if (block.type == 0) return error(block.header + 36, "no local time type");
  std::vector<std::int32_t> offsets;
  offsets.reserve(block.type);
  for (std::size_t i = 0; i < block.type; ++i) {
    const std::size_t at = block.types_at() + i * 6;
    const auto offset = static_cast<std::int32_t>(read_signed(bytes, at, 4));
    if (offset <= kOffsetMin || offset >= kOffsetMax) return error(at, "offset out of range");
    if (static_cast<unsigned char>(bytes[at + 4]) > 1) return error(at + 4, "bad DST flag");
    if (static_cast<unsigned char>(bytes[at + 5]) >= block.chars) {
      return error(at + 5, "name index out of range");
    }
    offsets.push_back(offset);
  }
  return offsets;
}

Result<Tzif> read_changes(std::string_view bytes, const Block& block) {
  if (block.leap != 0) {
    return error(block.header + 28, "leap seconds are not supported (a \"right/\" zone)",
                 ErrorCode::unsupported);
  }
  const auto offsets = read_offsets(bytes, block);
  if (!offsets) return offsets.error();
  Tzif file;
  file.first_offset = offsets->front();
  file.changes.reserve(block.time);
  for (std::size_t i = 0; i < block.time; ++i) {
    const std::size_t time_at = block.times_at() + i * block.time_width;
    const std::size_t index_at = block.indexes_at() + i;
    const auto at = read_signed(bytes, time_at, block.time_width);
    const auto index = static_cast<unsigned char>(bytes[index_at]);
    if (!file.changes.empty() && at <= file.changes.back().at) {
      return error(time_at, "transitions are not in order");
    }
    if (index >= offsets->size()) return error(index_at, "local time type out of range");
    file.changes.push_back({at, (*offsets)[index]});
  }
  return file;
}

// "\n" rule "\n"; an empty rule says nothing about the future.
Result<std::optional<TzRule>> read_footer(std::string_view bytes, std::size_t at) {
  if (at >= bytes.size() || bytes[at] != '\n') return error(at, "the footer is missing");
  const std::size_t from = at + 1;
  const std::size_t end = bytes.find('\n', from);
  if (end == std::string_view::npos) return error(bytes.size(), "the footer has no end");
  if (end - from > kFooterMax) return error(from, "the footer is too long");
  if (end == from) return std::optional<TzRule>{};
  auto rule = parse_tz_rule(bytes.substr(from, end - from));
  if (!rule) return error(from + rule.error().offset, rule.error().detail);
  return std::optional<TzRule>{*rule};
}

}  // namespace

Result<Tzif> parse_tzif(std::string_view bytes) {
  if (bytes.size() > kTzifBytesMax) {
    return error(kTzifBytesMax, "the file is too long", ErrorCode::too_long);
  }
  const auto first = read_block(bytes, 0, 4);
  if (!first) return first.error();
  if (first->version == '\0') return read_changes(bytes, *first);
  const auto second = read_block(bytes, first->end(), 8);
  if (!second) return second.error();
  auto file = read_changes(bytes, *second);
  if (!file) return file.error();
  auto footer = read_footer(bytes, second->end());
  if (!footer) return footer.error();
  file->footer = *footer;
  return file;
}

}  // namespace rruled::rrule
