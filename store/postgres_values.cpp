#include "store/postgres_values.h"

namespace rruled::store {
namespace {

// Dimensions, whether there are nulls, the type; then for the one dimension its size and first
// index.
constexpr std::size_t kArrayHeader = 20;

template <class Number>
void write_number(char* out, Number number) {
  for (std::size_t i = sizeof number; i-- > 0; number >>= 8U) out[i] = static_cast<char>(number);
}

}  // namespace

void append_big_endian(std::string& out, std::int64_t number) {
  char bytes[sizeof number];
  write_number(bytes, static_cast<std::uint64_t>(number));
  out.append(bytes, sizeof bytes);
}

PgArray::PgArray(std::string_view type) : bytes_(kArrayHeader, '\0') {
  write_number(bytes_.data() + 8, pg_oid(type));
  write_number(bytes_.data() + 16, std::uint32_t{1});
}

std::size_t PgArray::begin_element() {
  bytes_.append(sizeof(std::uint32_t), '\0');
  return bytes_.size();
}

void PgArray::end_element(std::size_t start) {
  const auto size = static_cast<std::uint32_t>(bytes_.size() - start);
  write_number(bytes_.data() + start - sizeof size, size);
  ++count_;
}

void PgArray::add_null() {
  const auto start = begin_element();
  write_number(bytes_.data() + start - sizeof(std::uint32_t), ~std::uint32_t{0});
  has_null_ = true;
  ++count_;
}

std::string PgArray::finish() && {
  write_number(bytes_.data(), std::uint32_t{count_ > 0});
  write_number(bytes_.data() + 4, std::uint32_t{has_null_});
  write_number(bytes_.data() + 12, count_);
  if (count_ == 0) bytes_.resize(12);  // no dimension
  return std::move(bytes_);
}

void throw_bad_value(std::string_view text) {
  throw StoreError(StoreError::Kind::corrupt,
                   "a column holds `" + std::string(text.substr(0, 100)) +
                       "`, which rruled never writes: restore a backup, or correct the row");
}

}  // namespace rruled::store
