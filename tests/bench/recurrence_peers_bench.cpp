// The engine beside libical and KCalendarCore in one process: CPU time, medians, ratios, and
// whether the aims hold. Built with whichever peers are installed. Prints a table; exits with 1
// when an aim is missed.
#include "bench_rules.h"
#include "rrule/occurrence.h"
#include "rrule/recurrence.h"
#include "rrule/zone_database.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#ifdef RRULED_BENCH_LIBICAL
#include <libical/ical.h>
#endif
#ifdef RRULED_BENCH_KCALENDAR
#include <KCalendarCore/ICalFormat>
#include <KCalendarCore/RecurrenceRule>

#include <QDateTime>
#include <QTimeZone>
#endif

namespace rruled::rrule {
namespace {

using bench::at;
using Seconds = std::chrono::seconds;

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Nanoseconds for one call of `ask`, the median of `rounds` walks through all `instants`.
double time_of(const std::vector<sys_seconds>& instants,
               int rounds,
               const std::function<void(sys_seconds)>& ask) {
  std::vector<double> per_call;
  for (int i = 0; i < rounds; ++i) {
    const double begin = cpu_ns();
    for (const auto instant : instants) ask(instant);
    per_call.push_back((cpu_ns() - begin) / static_cast<double>(instants.size()));
  }
  return median(std::move(per_call));
}

std::vector<sys_seconds> random_instants(std::size_t count) {
  std::mt19937_64 random(1);
  const auto from = at("2015-01-01T14:00:00Z");
  const auto to = at("2026-11-24T00:00:00Z");
  std::uniform_int_distribution<std::int64_t> later(0, (to - from).count());
  std::vector<sys_seconds> instants;
  for (std::size_t i = 0; i < count; ++i) instants.push_back(from + Seconds{later(random)});
  return instants;
}

volatile std::int64_t sink;

double ours(const std::string& rule, sys_seconds start, const std::vector<sys_seconds>& instants) {
  static const ZoneDatabase database;
  const auto zone = database.find("America/New_York").value();
  const auto recurrence = Recurrence::compile(rule, start, zone, {}).value();
  return time_of(instants, 51, [&](sys_seconds after) {
    const auto next = recurrence.next(after);
    sink = sink + (next ? next->instant.time_since_epoch().count() : 0);
  });
}

#ifdef RRULED_BENCH_LIBICAL
// As its users must: from DTSTART to the first time after the day asked for.
double libical_from_start(const std::string& rule) {
  const icaltimetype after = icaltime_from_string("20261123T000000");
  return time_of({sys_seconds{}}, 3, [&](sys_seconds) {
    icalrecur_iterator* iterator = icalrecur_iterator_new(
        icalrecurrencetype_from_string(rule.c_str()), icaltime_from_string("20150101T090000"));
    icaltimetype next = icalrecur_iterator_next(iterator);
    while (!icaltime_is_null_time(next) && icaltime_compare(next, after) <= 0) {
      next = icalrecur_iterator_next(iterator);
    }
    sink = sink + next.day;
    icalrecur_iterator_free(iterator);
  });
}
#endif

#ifdef RRULED_BENCH_KCALENDAR
// With an object that is kept, as a calendar does.
double kcalendar(const std::string& rule, const std::vector<sys_seconds>& instants) {
  const QTimeZone zone("America/New_York");
  KCalendarCore::RecurrenceRule recurrence;
  KCalendarCore::ICalFormat format;
  if (!format.fromString(&recurrence, QString::fromStdString(rule))) return 0;
  recurrence.setStartDt(QDateTime(QDate(2015, 1, 1), QTime(9, 0), zone));
  return time_of(instants, 3, [&](sys_seconds after) {
    const auto next = recurrence.getNextDate(
        QDateTime::fromSecsSinceEpoch(after.time_since_epoch().count(), zone));
    sink = sink + next.isValid();
  });
}
#endif

int missed = 0;
void aim(const char* what, double value, bool held) {
  std::printf("%-58s %12.1f  %s\n", what, value, held ? "held" : "MISSED");
  missed += held ? 0 : 1;
}

void compare() {
  const auto many = random_instants(1'000);
  const auto few = random_instants(20);
  double total = 0;
  double slowest = 0;
  double age = 0;
  double least_kcalendar = 1e18;
  double daily_libical = 0;
  std::printf("%-48s %8s %8s %12s %8s %14s %10s\n", "rule", "next ns", "of 1976", "kcal us",
              "ratio", "libical us", "ratio");
  for (const auto& rule : bench::kRules) {
    const double near = ours(rule, at("2015-01-01T14:00:00Z"), many);
    const double far = ours(rule, at("1976-01-01T14:00:00Z"), many);
    total += near;
    slowest = std::max(slowest, near);
    age = std::max(age, far / near);
    double kcal = 0;
    double ical = 0;
#ifdef RRULED_BENCH_KCALENDAR
    kcal = kcalendar(rule, few);
    if (kcal > 0) least_kcalendar = std::min(least_kcalendar, kcal / near);
#endif
#ifdef RRULED_BENCH_LIBICAL
    const bool minutes_of_walking = rule.find("SECONDLY") != std::string::npos;
    ical = minutes_of_walking ? 0 : libical_from_start(rule);
    if (rule == "FREQ=DAILY") daily_libical = ical / near;
#endif
    std::printf("%-48s %8.1f %8.2f %12.1f %8.0f %14.1f %10.0f\n", rule.c_str(), near, far / near,
                kcal / 1e3, kcal / near, ical / 1e3, ical / near);
  }
  std::printf("\n");
  aim("next(after), the slowest rule, at most 100 ns", slowest, slowest <= 100);
  aim("next(after), on average, at most 60 ns", total / 13, total / 13 <= 60);
  aim("start in 1976 against 2015, at most 1.5 times", age, age <= 1.5);
#ifdef RRULED_BENCH_LIBICAL
  aim("libical, FREQ=DAILY from eleven years back, 10,000 times", daily_libical,
      daily_libical >= 1e4);
#else
  (void)daily_libical;
#endif
#ifdef RRULED_BENCH_KCALENDAR
  aim("KCalendarCore with a kept object, every rule, 30 times", least_kcalendar,
      least_kcalendar >= 30);
#else
  (void)least_kcalendar;
#endif
}

}  // namespace
}  // namespace rruled::rrule

int main() {
  rruled::rrule::compare();
  return rruled::rrule::missed == 0 ? 0 : 1;
}
