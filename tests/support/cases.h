#pragma once

#include <boost/json.hpp>

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace rruled::testing {

// A table of cases: tests/data/NAME.jsonl, an object a line.
inline std::vector<boost::json::object> read_cases(const std::string& name) {
  std::ifstream in(RRULED_SOURCE_DIR "/tests/data/" + name + ".jsonl");
  if (!in) throw std::runtime_error("no table " + name);
  std::vector<boost::json::object> cases;
  for (std::string line; std::getline(in, line);)
    cases.push_back(boost::json::parse(line).as_object());
  return cases;
}

// The text under `key`. "<FF>" in it stands for a byte that is not UTF-8, which the table cannot
// hold.
inline std::string text_of(const boost::json::object& object, const char* key) {
  std::string text(object.at(key).as_string());
  for (std::size_t at = 0; (at = text.find("<FF>")) != std::string::npos;)
    text.replace(at, 4, "\xff");
  return text;
}

}  // namespace rruled::testing
