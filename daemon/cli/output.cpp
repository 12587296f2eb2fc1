#include "daemon/cli/output.h"

#include "daemon/core/json_text.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>

namespace rruled::cli {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};
constexpr std::array<Unit, 5> kUnits{
    {{"y", 31'556'952}, {"d", 86'400}, {"h", 3'600}, {"min", 60}, {"s", 1}}};

std::string two_units(std::int64_t rest) {
  std::string text;
  int parts = 0;
  for (const auto& unit : kUnits) {
    const auto count = rest / unit.seconds;
    if (count == 0 && parts == 0) continue;
    if (count > 0)
      text += (parts > 0 ? " " : "") + std::to_string(count) + " " + std::string(unit.name);
    rest -= count * unit.seconds;
    if (++parts == 2) break;
  }
  return text;
}

}  // namespace

void add_format(CLI::App* command, Format& format, bool lines) {
  std::vector<std::string> words{"table", "json"};
  if (lines) words.emplace_back("jsonl");
  command
      ->add_option_function<std::string>(
          "--format",
          [&format](const std::string& word) {
            format = word == "json"    ? Format::json
                     : word == "jsonl" ? Format::jsonl
                                       : Format::table;
          },
          "How to print it (default: table)")
      ->check(CLI::IsMember(words));
}

void Table::add(std::vector<std::string> row) {
  for (auto& each : row) each = cell(each);
  rows_.push_back(std::move(row));
}

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

std::string from_now(store::Timestamp time, store::Timestamp now) {
  using std::chrono::seconds;
  const auto distance = std::chrono::round<seconds>(time - now);
  if (distance == seconds::zero()) return "now";
  return distance > seconds::zero() ? "in " + two_units(distance.count())
                                    : two_units(-distance.count()) + " ago";
}

std::string utc_text(const std::optional<store::Timestamp>& time) {
  if (!time) return "-";
  std::string text = core::rfc3339(std::chrono::floor<std::chrono::seconds>(*time));
  text[10] = ' ';
  return text;
}

std::string count_of(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string cell(std::string_view text, std::size_t width) {
  std::string line;
  std::size_t characters = 0;
  for (const char c : io::clean_line(text, std::string::npos)) {
    if (!continues(c) && ++characters > width) return line + "…";
    line += c;
  }
  return line;
}

std::string clean_lines(std::string_view text) {
  std::string lines;
  while (true) {
    const auto end = text.find('\n');
    lines += cell(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    lines += '\n';
    text.remove_prefix(end + 1);
  }
}

void print_list(std::ostream& out, Format format, const boost::json::array& items) {
  if (format == Format::jsonl) {
    for (const auto& each : items) out << core::json_text(each) << '\n';
  } else {
    out << core::json_pretty(items) << '\n';
  }
}

void print_object(std::ostream& out, const boost::json::object& object) {
  out << core::json_pretty(object) << '\n';
}

void print_rows(std::ostream& out,
                Format format,
                const boost::json::array& items,
                const Table& table,
                std::string_view none) {
  if (format != Format::table)
    print_list(out, format, items);
  else if (table.empty())
    out << none << '\n';
  else
    table.print(out);
}

void print_fields(std::ostream& out, const boost::json::object& object) {
  constexpr std::size_t kTextMax = 200;
  constexpr std::size_t kJsonMax = 400;
  Table table({"FIELD", "VALUE"});
  for (const auto& [key, value] : object)
    table.add({std::string(key), value.is_string() ? cell(value.get_string(), kTextMax)
                                                   : cell(core::json_text(value), kJsonMax)});
  table.print(out);
}

}  // namespace rruled::cli
