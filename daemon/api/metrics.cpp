#include "daemon/api/routes.h"

#include <date/date.h>

#include <algorithm>
#include <map>
#include <set>

namespace rruled::api {
namespace {

namespace json = boost::json;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using store::RunStatus;
using store::Timestamp;

constexpr std::size_t kStepsMax = 10'000;

struct Metric {
  std::string_view name;
  std::string_view kind;
  friend auto operator<=>(const Metric&, const Metric&) = default;
};
constexpr Metric kTriggered{"triggered", "other"};

// What a run counts as, beside `triggered`; none while it has no end.
std::optional<Metric> metric_of(RunStatus status) {
  switch (status) {
    case RunStatus::completed:
      return Metric{"succeeded", "success"};
    case RunStatus::failed:
    case RunStatus::dead:
      return Metric{"failed", "failure"};
    case RunStatus::cancelled:
      return Metric{"cancelled", "other"};
    case RunStatus::skipped:
      return Metric{"skipped", "other"};
    default:
      return std::nullopt;
  }
}

std::optional<Timestamp> moment_parameter(const Call& call, std::string_view name) {
  const auto moment = time_parameter(call, name);
  if (moment && *moment < Timestamp()) refuse(std::string(name), "Must not be before 1970.");
  return moment;
}

std::set<std::string> list_parameter(const Call& call, std::string_view name) {
  std::set<std::string> words;
  const std::string* text = call.parameter(name);
  if (text == nullptr) return words;
  for (const auto each : list_elements(*text)) words.emplace(each);
  return words;
}

// The steps of a chart, in UTC; weeks begin on Monday.
struct Chart {
  Timestamp from;   // where the first step begins
  Timestamp after;  // of what is counted inclusive; in the first step
  Timestamp to;     // of what is counted exclusive; it has a step, even where that is empty
  milliseconds step;
  bool hourly = false;

  [[nodiscard]] std::size_t steps() const {
    return to < from ? 0 : static_cast<std::size_t>((to - from) / step) + 1;
  }
  [[nodiscard]] json::array labels() const {
    json::array all;
    for (std::size_t i = 0; i < steps(); ++i) {
      // Signed: the first week began before 1970.
      const auto begin = from + step * static_cast<std::int64_t>(i);
      const auto at = std::chrono::floor<std::chrono::minutes>(begin);
      all.emplace_back(date::format(hourly ? "%Y-%m-%dT%H:%M" : "%Y-%m-%d", at));
    }
    return all;
  }
};

std::string_view interval_of(const Call& call) {
  const std::string* word = call.parameter("interval");
  if (word == nullptr) return "day";
  const auto* found = std::ranges::find(kIntervals, *word);
  if (found == kIntervals.end()) refuse_words("interval", kIntervals);
  return *found;
}

Chart chart_of(const Call& call) {
  const auto after = moment_parameter(call, "after").value_or(call.now - days(7));
  const auto before = moment_parameter(call, "before").value_or(call.now);
  const auto interval = interval_of(call);
  Chart chart{after, after, before, days(1)};
  // 1970-01-01 was a Thursday: Monday was three days earlier.
  milliseconds shift{0};
  if (interval == "hour") {
    chart.step = hours(1);
    chart.hourly = true;
  } else if (interval == "week") {
    chart.step = days(7);
    shift = days(3);
  }
  const auto since = after.time_since_epoch() + shift;
  chart.from = Timestamp(since - since % chart.step - shift);
  if (chart.steps() > kStepsMax)
    refuse("after", "More than " + std::to_string(kStepsMax) +
                        " steps; take a longer interval or a shorter time.");
  return chart;
}

// Adds what was counted to `take(step, metric, count)`, filtered as the request says.
template <class Take>
void count(const Call& call, const store::TallyFilter& filter, Take take) {
  const auto names = list_parameter(call, "name");
  const auto kinds = list_parameter(call, "kind");
  const auto wanted = [](const std::set<std::string>& words, std::string_view word) {
    return words.empty() || words.contains(std::string(word));
  };
  const auto add = [&](std::int64_t step, const Metric& metric, std::uint64_t number) {
    if (wanted(names, metric.name) && wanted(kinds, metric.kind))
      take(static_cast<std::size_t>(step), metric, number);
  };
  const auto tallies = call.directory().tallies(filter);
  for (const auto& each : tallies.runs) {
    if (each.started) add(each.step, kTriggered, each.count);
    if (const auto metric = metric_of(each.status)) add(each.step, *metric, each.count);
  }
  for (const auto& each : tallies.gaps)
    add(each.step, {store::word(each.reason), "other"}, each.count);
}

bool by_name(const Call& call) {
  const std::string* word = call.parameter("breakdown_by");
  if (word == nullptr || *word == "kind") return false;
  if (*word != "name") refuse_words("breakdown_by", kBreakdowns);
  return true;
}

}  // namespace

Response flow_metrics(Call& call) {
  const store::Flow flow = flow_of(call);
  const Chart chart = chart_of(call);
  const bool names = by_name(call);
  std::map<std::string, std::vector<std::uint64_t>> series;
  const auto count_from = [&](Timestamp from, Timestamp to, std::size_t first) {
    const store::TallyFilter filter{flow.id, id_parameter<store::RunId>(call, "instance_id"), from,
                                    to, chart.step};
    count(call, filter, [&](std::size_t step, const Metric& metric, std::uint64_t number) {
      auto& values = series[std::string(names ? metric.name : metric.kind)];
      values.resize(chart.steps());
      values.at(first + step) += number;
    });
  };
  // What was due before `after` is not asked for, though its step is shown from its beginning.
  const Timestamp second = chart.from + chart.step;
  count_from(chart.after, std::min(second, chart.to), 0);
  if (second < chart.to) count_from(second, chart.to, 1);
  json::array all;
  for (const auto& [name, values] : series)
    all.push_back(
        json::object{{"name", name}, {"values", json::array(values.begin(), values.end())}});
  return json_response(json::object{{"labels", chart.labels()}, {"series", std::move(all)}});
}

Response flow_metric_totals(Call& call) {
  const store::Flow flow = flow_of(call);
  const auto from = moment_parameter(call, "after").value_or(call.now - days(7));
  const auto to = moment_parameter(call, "before").value_or(call.now);
  const bool names = by_name(call);
  (void)interval_of(call);  // a sum has no steps, but a word that is none is told
  const auto whole = std::max(to - from, milliseconds(1));
  json::object totals;
  count(call, {flow.id, id_parameter<store::RunId>(call, "instance_id"), from, to, whole},
        [&](std::size_t, const Metric& metric, std::uint64_t number) {
          auto& total = totals[names ? metric.name : metric.kind];
          total = (total.is_null() ? 0 : total.to_number<std::uint64_t>()) + number;
        });
  return json_response(json::object{{"totals", std::move(totals)}});
}

}  // namespace rruled::api
