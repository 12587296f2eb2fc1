#pragma once

#include "rrule/import_note.h"
#include "rrule/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rruled::rrule {

inline constexpr std::size_t kCrontabMax = 1024 * 1024;  // bytes

// A system crontab (/etc/crontab, the files of /etc/cron.d) has a user before each command.
enum class CrontabKind { user, system };

struct CrontabEntry {
  std::size_t line = 0;    // counted from 1
  std::string recurrence;  // text for parse_recurrence
  std::string zone;        // CRON_TZ in force, as written; empty when none: the reader's default
  std::string user;        // of a system crontab; otherwise empty
  std::string command;     // up to the first unescaped %, with \% read as %
  bool had_input = false;  // after %: `command` is less than what cron runs
  friend bool operator==(const CrontabEntry&, const CrontabEntry&) = default;
};

struct Crontab {
  std::vector<CrontabEntry> entries;
  std::vector<ImportNote> notes;  // by line
};

// Reads a crontab: five fields or a nickname, then a system crontab's user, then the command.
// Nothing is skipped in silence: a line that gives no entry and is no comment has a note, and so
// has each thing that cron would do and an entry cannot say: variables other than CRON_TZ (TZ too:
// cron gives it to the command and keeps its own times), input after %, a leading "-". The only
// error is a text of more than kCrontabMax bytes. Pure.
[[nodiscard]] Result<Crontab> read_crontab(std::string_view text, CrontabKind kind);

}  // namespace rruled::rrule
