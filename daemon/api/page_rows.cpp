#include "daemon/api/page_rows.h"

#include "daemon/core/json_text.h"

#include <utility>

namespace rruled::api {

void PageRows::add(boost::json::object row) {
  if (size_++ > 0) text_ += ',';
  text_ += core::json_text(std::move(row));
}

std::string PageRows::page(boost::json::object head) {
  std::string begin = core::json_text(std::move(head));
  begin.back() = ',';
  std::string text = std::exchange(text_, {});
  size_ = 0;
  text.insert(0, begin + R"("results":[)");
  return text += "]}";
}

}  // namespace rruled::api
