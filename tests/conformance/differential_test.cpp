// Our answers against python-dateutil's and libical's on seeded random rules. Every mismatch
// belongs to a class that is named here with who is right, and in each our answer is the one of the
// walking oracle (support/naive_rule.h). RRULED_SEED and RRULED_CASES choose the rules; README.md
// holds a large run.
#include "property/random_case.h"
#include "rrule/occurrence.h"
#include "support/naive_rule.h"

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace rruled::rrule {
namespace {

constexpr std::size_t kListed = 12;
constexpr DstPolicy kPolicy{GapPolicy::shift, FoldPolicy::first};

std::string print_basic(local_seconds local) { return date::format("%Y%m%dT%H%M%S", local); }

// Peers get wall-clock times alone, UNTIL included.
struct PeerCase {
  RandomCase random;
  std::string rule;
  local_seconds start;
  [[nodiscard]] std::string line() const {
    return rule + "\t" + print_basic(start) + "\t" + std::to_string(kListed + 4);
  }
};

bool is_unique(const TimeZone& zone, local_seconds local) {
  return zone.resolve(local).kind == Resolved::Kind::unique;
}

// nullopt: the case has no wall-clock form.
std::optional<PeerCase> peer_case(Random& random) {
  RandomCase some = random_case(random);
  RandomRuleOptions options;
  options.skip = false;
  some.rule = random_rule(random, some.starts_at, options);
  some.policy = kPolicy;
  const local_seconds start = some.zone->to_local(some.starts_at);
  if (!is_unique(*some.zone, start)) return std::nullopt;
  RuleParts parts = some.rule.parts();
  if (parts.until) {
    if (const auto* instant = std::get_if<sys_seconds>(&*parts.until)) {
      parts.until = some.zone->to_local(*instant);
    } else if (const auto* day = std::get_if<date::local_days>(&*parts.until)) {
      parts.until = *day + seconds{86'399};  // peers would read midnight
    }
    if (!is_unique(*some.zone, std::get<local_seconds>(*parts.until))) return std::nullopt;
  }
  return PeerCase{some, to_string(Rule::make(parts).value()), start};
}

struct PeerAnswer {
  std::vector<sys_seconds> instants;  // increasing
  bool complete = false;
  bool given = true;
};

PeerAnswer read_answer(const std::string& line, const PeerCase& asked) {
  PeerAnswer answer;
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    if (word == "end") {
      answer.complete = true;
    } else if (word == "error" || word == "timeout") {
      answer.given = false;
    } else {
      std::istringstream in(word);
      local_seconds local;
      in >> date::parse("%Y%m%dT%H%M%S", local);
      answer.instants.push_back(start_instant(local, *asked.random.zone));
    }
  }
  std::sort(answer.instants.begin(), answer.instants.end());
  answer.instants.erase(std::unique(answer.instants.begin(), answer.instants.end()),
                        answer.instants.end());
  // Beyond our last year nothing is compared.
  const sys_seconds end = date::sys_days{date::year{2201} / 1 / 1};
  if (std::erase_if(answer.instants, [&](auto instant) { return instant >= end; }) > 0) {
    answer.complete = true;
  }
  return answer;
}

bool has_ordinals(const Rule& rule) {
  return std::any_of(rule.by_day().begin(), rule.by_day().end(),
                     [](const ByDay& day) { return day.ordinal != 0; });
}
bool has_plain_days(const Rule& rule) {
  return std::any_of(rule.by_day().begin(), rule.by_day().end(),
                     [](const ByDay& day) { return day.ordinal == 0; });
}
bool has_negative(const std::vector<int>& list) { return !list.empty() && list.front() < 0; }
bool is_sub_daily(const Rule& rule) { return rule.frequency() < Frequency::daily; }

// Classes of rules that a peer answers otherwise; empty when none is known. RFC 5545 unless said.
using Classify = std::string (*)(const Rule&);

std::string dateutil_class(const Rule& rule) {
  const Frequency freq = rule.frequency();
  if (!rule.by_weekno().empty())
    return "BYWEEKNO: weeks cut at the calendar year, all days of the week";
  if (freq == Frequency::weekly && !rule.by_setpos().empty()) {
    return "WEEKLY;BYSETPOS: first week counted from DTSTART";
  }
  if (has_ordinals(rule) && has_plain_days(rule))
    return "BYDAY with and without number: intersection";
  if (rule.count()) return "COUNT: two wall times of one instant count twice";
  // The list that was asked for ends inside a gap: what is moved out of it falls among later times.
  if (is_sub_daily(rule)) return "a list that ends inside a gap";
  return "";
}

std::string libical_class(const Rule& rule) {
  const Frequency freq = rule.frequency();
  if (!rule.by_weekno().empty())
    return "BYWEEKNO: errors at the turn of the year and with other parts";
  if (!rule.by_setpos().empty()) return "BYSETPOS: only for days of MONTHLY and YEARLY";
  if (freq == Frequency::yearly && rule.by_month().empty() &&
      (!rule.by_monthday().empty() || !rule.by_yearday().empty())) {
    return "YEARLY;BYMONTHDAY without BYMONTH: DTSTART's month; BYYEARDAY with days";
  }
  if (freq == Frequency::yearly && !rule.by_yearday().empty())
    return "YEARLY;BYYEARDAY with BYMONTH";
  if (freq <= Frequency::daily &&
      (has_negative(rule.by_monthday()) || has_negative(rule.by_yearday()))) {
    return "negative days as a limit match nothing";
  }
  if (is_sub_daily(rule)) return "HOURLY and below: INTERVAL and limits lost";
  if (freq >= Frequency::monthly && has_ordinals(rule)) return "BYDAY with number and other days";
  if (freq >= Frequency::monthly && !rule.by_day().empty() && !rule.by_monthday().empty()) {
    return "BYDAY with BYMONTHDAY";
  }
  if (freq == Frequency::weekly) return "WEEKLY: WKST, INTERVAL and BYMONTH";
  if (rule.count()) return "COUNT: two wall times of one instant count twice";
  return "";
}

bool agree(const std::vector<sys_seconds>& ours, bool ours_complete, const PeerAnswer& peer) {
  // A list that goes on may lack times that a change of the clock moves before its last ones.
  const std::size_t sure =
      peer.complete ? peer.instants.size()
                    : std::min(kListed, peer.instants.size() -
                                            std::min<std::size_t>(peer.instants.size(), 3));
  const std::size_t compared = std::min(sure, ours.size());
  if (!std::equal(ours.begin(), ours.begin() + static_cast<long>(compared), peer.instants.begin()))
    return false;
  if (peer.complete && ours_complete) return ours.size() == peer.instants.size();
  if (peer.complete) return peer.instants.size() >= ours.size();
  return !ours_complete || ours.size() >= sure;
}

// Does the walking oracle say the same as we do, as far as it walks?
bool oracle_agrees(const RandomCase& some, const std::vector<sys_seconds>& ours) {
  const auto until = ours.empty() ? some.starts_at + std::chrono::hours{24 * 365 * 4}
                                  : ours.back() + std::chrono::hours{24 * 400};
  const auto naive =
      naive_occurrences(some.rule, some.starts_at, *some.zone, some.policy, until, 3'000'000);
  const std::size_t compared = std::min(naive.instants.size(), ours.size());
  if (!std::equal(ours.begin(), ours.begin() + static_cast<long>(compared), naive.instants.begin()))
    return false;
  return compared == ours.size() || ours[compared] >= naive.known_until;
}

struct Tally {
  std::size_t equal = 0;
  std::size_t none = 0;  // refused, crashed or took too long
  std::map<std::string, std::size_t> explained;
  std::vector<std::string> unexplained;
};

std::vector<std::string> ask(const std::string& command, const std::vector<PeerCase>& cases) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto stem = folder / ("rruled-differential-" + std::to_string(::getpid()));
  const std::string in_path = stem.string() + ".in";
  const std::string out_path = stem.string() + ".out";
  std::ofstream in(in_path);
  for (const auto& item : cases) in << item.line() << "\n";
  in.close();
  const int status = std::system((command + " <'" + in_path + "' >'" + out_path + "'").c_str());
  std::vector<std::string> answers;
  std::ifstream out(out_path);
  for (std::string line; std::getline(out, line);) answers.push_back(line);
  std::filesystem::remove(in_path);
  std::filesystem::remove(out_path);
  REQUIRE(status == 0);
  return answers;
}

Tally compare(const std::string& command, Classify classify) {
  const std::uint64_t seed = number_from_environment("RRULED_SEED", 1);
  const std::uint64_t wanted = number_from_environment("RRULED_CASES", 2'000);
  Tally tally;
  for (std::uint64_t done = 0; done < wanted;) {
    std::vector<PeerCase> cases;
    for (; cases.size() < 10'000 && done < wanted; ++done) {
      Random random(seed + done);
      if (auto item = peer_case(random)) cases.push_back(*std::move(item));
    }
    const auto answers = ask(command, cases);
    REQUIRE(answers.size() == cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const RandomCase& some = cases[i].random;
      const PeerAnswer peer = read_answer(answers[i], cases[i]);
      if (!peer.given) {
        ++tally.none;
        continue;
      }
      std::vector<sys_seconds> ours;
      for (const auto& item :
           some.compiled().between(some.starts_at, sys_seconds::max(), kListed)) {
        ours.push_back(item.instant);
      }
      if (agree(ours, ours.size() < kListed, peer)) {
        ++tally.equal;
        continue;
      }
      const std::string reason = classify(some.rule);
      if (!reason.empty() && oracle_agrees(some, ours)) {
        ++tally.explained[reason];
      } else {
        tally.unexplained.push_back(some.text() + "\n  asked " + cases[i].line() + "\n  peer " +
                                    answers[i]);
      }
    }
  }
  return tally;
}

void report(const std::string& peer, const Tally& tally) {
  std::cout << peer << ": " << tally.equal << " equal, " << tally.none << " without answer\n";
  for (const auto& [reason, count] : tally.explained)
    std::cout << "  " << count << "  " << reason << "\n";
  std::string text = std::to_string(tally.unexplained.size()) + " unexplained";
  for (std::size_t i = 0; i < tally.unexplained.size() && i < 20; ++i)
    text += "\n" + tally.unexplained[i];
  INFO(text);
  CHECK(tally.unexplained.empty());
}

}  // namespace

TEST_CASE("python-dateutil") {
  const std::string python = "/usr/bin/python3";
  if (std::system((python + " -c 'import dateutil.rrule' 2>/dev/null").c_str()) != 0) {
    std::cout << "SKIPPED: python3-dateutil is not installed\n";
    return;
  }
  const Tally tally = compare(
      python + " '" RRULED_SOURCE_DIR "/tests/conformance/dateutil_peer.py'", dateutil_class);
  report("dateutil", tally);
  CHECK(tally.equal > 100);
}

TEST_CASE("libical") {
  const char* peer = std::getenv("RRULED_LIBICAL_PEER");
  if (peer == nullptr) {
    std::cout << "SKIPPED: built without libical\n";
    return;
  }
  const Tally tally = compare("'" + std::string(peer) + "'", libical_class);
  report("libical", tally);
  CHECK(tally.equal > 100);
}

}  // namespace rruled::rrule
