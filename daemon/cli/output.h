#pragma once

#include "store/ids.h"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::cli {

enum class Format { table, json, jsonl };

// Adds --format table|json, with `lines` also jsonl. `format` must outlive the command.
void add_format(CLI::App* command, Format& format, bool lines);

// Left-aligned columns, two blanks between them; the last one is not padded. Width counts
// characters. Whatever a cell holds, it is printed as cell() has it.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }
  void add(std::vector<std::string> row);
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "in 2 d 4 h", "35 s ago", "now": the two largest units.
[[nodiscard]] std::string from_now(store::Timestamp time, store::Timestamp now);
// "2026-01-31 09:00:00Z", "-" when absent.
[[nodiscard]] std::string utc_text(const std::optional<store::Timestamp>& time);
// "1 flow", "2 flows".
[[nodiscard]] std::string count_of(std::uint64_t count, const std::string& noun);
// One line of at most `width` characters that does nothing to a terminal (io::clean_line), for a
// cell or a part of a sentence: for all that somebody else may have written.
[[nodiscard]] std::string cell(std::string_view text, std::size_t width = std::string::npos);
// The same of each line: for a text that has several.
[[nodiscard]] std::string clean_lines(std::string_view text);

// json: one indented array; jsonl: one object a line.
void print_list(std::ostream& out, Format format, const boost::json::array& items);
void print_object(std::ostream& out, const boost::json::object& object);
// A list: the table for people, or what `none` says when it has no row; the items for programs.
void print_rows(std::ostream& out,
                Format format,
                const boost::json::array& items,
                const Table& table,
                std::string_view none);
// A line for each member.
void print_fields(std::ostream& out, const boost::json::object& object);

}  // namespace rruled::cli
