// Answers of libical, in the format of dateutil_peer.py. A worker does the asking: libical may hang
// or crash, then that line's answer is "timeout" and another worker goes on. RRULED_PEER_MS: how
// much CPU time a rule may take.
#include <libical/ical.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string answer(const std::string& line) {
  std::istringstream in(line);
  std::string rule;
  std::string start;
  int count = 0;
  std::getline(in, rule, '\t');
  std::getline(in, start, '\t');
  in >> count;
  icalerror_clear_errno();
  const icalrecurrencetype recurrence = icalrecurrencetype_from_string(rule.c_str());
  if (recurrence.freq == ICAL_NO_RECURRENCE) return "error";
  icalrecur_iterator* iterator =
      icalrecur_iterator_new(recurrence, icaltime_from_string(start.c_str()));
  if (iterator == nullptr) return "error";
  std::string found;
  int listed = 0;
  for (; listed < count; ++listed) {
    const icaltimetype time = icalrecur_iterator_next(iterator);
    if (icaltime_is_null_time(time)) break;
    found += icaltime_as_ical_string(time);
    found += ' ';
  }
  icalrecur_iterator_free(iterator);
  return found + (listed < count ? "end" : "");
}

int limit_us() {
  const char* const text = std::getenv("RRULED_PEER_MS");
  return 1'000 * (text != nullptr ? std::atoi(text) : 50);
}

// Answers lines from `first` on until one kills the worker. Returns how many were answered.
std::size_t work(const std::vector<std::string>& lines, std::size_t first) {
  int ends[2];
  if (pipe(ends) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    const itimerval budget{{0, 0}, {0, limit_us()}};  // of CPU, then SIGVTALRM ends it
    FILE* out = fdopen(ends[1], "w");
    for (std::size_t i = first; i < lines.size(); ++i) {
      setitimer(ITIMER_VIRTUAL, &budget, nullptr);
      std::fprintf(out, "%s\n", answer(lines[i]).c_str());
      std::fflush(out);
    }
    _exit(0);
  }
  close(ends[1]);
  FILE* in = fdopen(ends[0], "r");
  std::size_t answered = 0;
  for (int c = std::fgetc(in); c != EOF; c = std::fgetc(in)) {
    std::cout.put(static_cast<char>(c));
    if (c == '\n') ++answered;
  }
  std::fclose(in);
  waitpid(child, nullptr, 0);
  return answered;
}

}  // namespace

int main() {
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
  for (std::size_t i = 0; i < lines.size();) {
    i += work(lines, i);
    if (i >= lines.size()) break;
    std::cout << "timeout\n";
    ++i;
  }
}
