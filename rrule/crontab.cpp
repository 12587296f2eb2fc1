#include "rrule/crontab.h"

#include "rrule/cron.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace rruled::rrule {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.front() == text.back();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// NAME = VALUE, either in quotes or not.
struct Assignment {
  std::string_view name;
  std::string_view value;
};

std::optional<Assignment> assignment(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = unquoted(trimmed(line.substr(0, equals)));
  const bool is_name = !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                         return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                (c >= '0' && c <= '9') || c == '_';
                       });
  if (!is_name) return std::nullopt;
  return Assignment{name, unquoted(trimmed(line.substr(equals + 1)))};
}

// Where what follows so many words begins.
std::size_t after_words(std::string_view line, int count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    at = std::min(line.find_first_of(kBlanks, at), line.size());
    at = std::min(line.find_first_not_of(kBlanks, at), line.size());
  }
  return at;
}

class CrontabReader {
 public:
  explicit CrontabReader(CrontabKind kind) : kind_(kind) {}

  Crontab read(std::string_view text) {
    for (std::size_t from = 0; from < text.size();) {
      const std::size_t end = std::min(text.find('\n', from), text.size());
      ++line_;
      read_line(trimmed(text.substr(from, end - from)));
      from = end + 1;
    }
    return std::move(crontab_);
  }

 private:
  void note(ImportNote::Kind kind, std::string text) {
    crontab_.notes.push_back({line_, kind, std::move(text)});
  }

  void read_line(std::string_view line) {
    if (line.empty() || line[0] == '#') return;
    if (const auto set = assignment(line)) return assign(*set);
    const bool unlogged = line[0] == '-';
    if (unlogged) line = trimmed(line.substr(1));
    const std::size_t at = after_words(line, line.starts_with('@') ? 1 : 5);
    const auto schedule = parse_cron(line.substr(0, at));
    if (!schedule) return note(ImportNote::Kind::dropped, schedule.error().detail);
    std::string_view rest = line.substr(at);
    const std::size_t user_size = kind_ == CrontabKind::system ? after_words(rest, 1) : 0;
    const auto user = std::string(trimmed(rest.substr(0, user_size)));
    rest.remove_prefix(user_size);
    bool had_input = false;
    const std::string command = read_command(rest, had_input);
    if (command.empty()) return note(ImportNote::Kind::dropped, "the command is missing");
    if (unlogged) note(ImportNote::Kind::altered, "\"-\" asks not to log the run: runs are logged");
    crontab_.entries.push_back({line_, schedule->recurrence, zone_, user, command, had_input});
  }

  void assign(const Assignment& set) {
    const std::string name(set.name);
    if (name == "CRON_TZ") {
      zone_ = set.value;
    } else if (name == "TZ") {
      note(ImportNote::Kind::dropped,
           "TZ is a variable of the commands and does not move their times (CRON_TZ would)");
    } else if (name == "MAILTO" || name == "MAILFROM") {
      note(ImportNote::Kind::dropped, name + ": output is not mailed");
    } else {
      note(ImportNote::Kind::dropped, "variable " + name + " is not given to the commands");
    }
  }

  // cron: % ends the command and begins its input, \% is a percent sign.
  std::string read_command(std::string_view text, bool& had_input) {
    std::string command;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%') {
        note(ImportNote::Kind::altered, "the command's input after % is left out");
        had_input = true;
        break;
      }
      if (text.substr(i, 2) == "\\%") ++i;
      command += text[i];
    }
    return std::string(trimmed(command));
  }

  const CrontabKind kind_;
  Crontab crontab_;
  std::string zone_;
  std::size_t line_ = 0;
};

}  // namespace

Result<Crontab> read_crontab(std::string_view text, CrontabKind kind) {
  if (text.size() > kCrontabMax) {
    return ParseError{ErrorCode::too_long, kCrontabMax, "a crontab has at most 1 MiB"};
  }
  return CrontabReader(kind).read(text);
}

}  // namespace rruled::rrule
