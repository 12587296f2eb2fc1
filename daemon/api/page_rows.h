#pragma once

#include <boost/json/object.hpp>

#include <cstddef>
#include <string>

namespace rruled::api {

// The rows of a page, each made into text at once: as values, JSON of many small parts takes thirty
// times as much memory as its text.
class PageRows {
 public:
  // The row that reaches `bytes_max` bytes of JSON is the last one; the `next` of the page goes on
  // behind it.
  explicit PageRows(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void add(boost::json::object row);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_full() const { return text_.size() >= bytes_max_; }

  // `head` with them as its last member, "results"; none are left here.
  [[nodiscard]] std::string page(boost::json::object head);

 private:
  std::size_t bytes_max_;
  std::string text_;  // with commas between them
  std::size_t size_ = 0;
};

}  // namespace rruled::api
