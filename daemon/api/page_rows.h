#pragma once

#include <boost/json/object.hpp>

#include <cstddef>
#include <string>

namespace rruled::api {

// Bytes of JSON that the rows of one page have; the row that reaches it is the last one, and the
// `next` of the page goes on behind it.
inline constexpr std::size_t kPageBytesMax = 8 * 1024 * 1024;

// The rows of a page, each made into text at once: as values, JSON of many small parts takes thirty
// times as much memory as its text.
class PageRows {
 public:
  void add(boost::json::object row);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_full() const { return text_.size() >= kPageBytesMax; }

  // `head` with them as its last member, "results"; none are left here.
  [[nodiscard]] std::string page(boost::json::object head);

 private:
  std::string text_;  // with commas between them
  std::size_t size_ = 0;
};

}  // namespace rruled::api
