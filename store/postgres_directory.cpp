#include "store/postgres_directory.h"

#include "store/directory_conditions.h"
#include "store/directory_filter.h"
#include "store/postgres_rows.h"
#include "store/run_rules.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace rruled::store {
namespace {

constexpr char kLatestFirst[] = "due_at DESC, id DESC";
constexpr int kLatestRuns = 5'000;  // in which a page of a project is looked for at first

}  // namespace

std::unique_ptr<Directory> PostgresStore::directory() {
  return std::make_unique<PostgresDirectory>(*this);
}

// The WHERE of a query with its parameters. Only what is asked for is in it, so that the planner
// finds the index that fits.
class PostgresDirectory::Conditions {
 public:
  template <class T>
  void equals(const std::string& column, const std::optional<T>& value) {
    if (value) compare(column, "=", *value);
  }
  template <class T>
  void compare(const std::string& left, const std::string& sign, const T& value) {
    add(left + " " + sign + " " + parameter(value));
  }
  // Of one flow the project is asked of the flow's row, once: so rows are counted in an index.
  void in_project(std::int64_t project, const std::optional<FlowId>& flow) {
    if (!flow) {
      compare("project_id", "=", project);
      return;
    }
    const std::string id = parameter(*flow);
    compare("(SELECT project_id FROM flows WHERE id = " + id + ")", "=", project);
    add("flow_id = " + id);
  }
  void before(const RunCursor& cursor) {
    const std::string due = parameter(cursor.due_at);
    add("(due_at, id) < (" + due + ", " + parameter(cursor.id) + ")");
  }
  void before(const GapCursor& cursor) {
    const std::string to = parameter(cursor.to);
    const std::string schedule = parameter(cursor.schedule_id);
    add("(to_at, schedule_id, from_at) < (" + to + ", " + schedule + ", " + parameter(cursor.from) +
        ")");
  }
  void add(const std::string& condition) {
    where_ += (where_.empty() ? " WHERE " : " AND ") + condition;
  }
  template <class Enum>
  void one_of(const std::string& column, const std::vector<Enum>& values) {
    if (!values.empty()) add(column + " IN (" + word_list(values) + ")");
  }
  // `search` in any of the columns, whatever the case of ASCII letters.
  void search(const std::vector<std::string>& columns, const std::string& search) {
    if (search.empty()) return;
    const std::string needle = parameter(lower_ascii(search));
    std::string any;
    for (const auto& column : columns)
      any += (any.empty() ? "(" : " OR ") + std::string("position(") + needle +
             " in lower(coalesce(" + column + ", '') COLLATE \"C\")) > 0";
    add(any + ")");
  }
  // "$3::bigint"
  template <class T>
  std::string parameter(const T& value) {
    params_.add(value);
    return "$" + std::to_string(++count_) + "::" + std::string(pg_type<T>());
  }
  [[nodiscard]] const std::string& where() const { return where_; }
  // For a part of the query; the parameters go on.
  [[nodiscard]] std::string take_where() { return std::exchange(where_, {}); }
  [[nodiscard]] const Params& params() const { return params_; }
  [[nodiscard]] int count() const { return count_; }

 private:
  std::string where_;
  Params params_;
  int count_ = 0;
};

template <class Row>
Page<Row> PostgresDirectory::page(const std::string& table,
                                  const Conditions& conditions,
                                  const std::string& order,
                                  PageRange range,
                                  bool counted) {
  const std::string from = " FROM " + table + conditions.where();
  const std::string range_text = from + " ORDER BY " + order + " LIMIT $" +
                                 std::to_string(conditions.count() + 1) + "::bigint OFFSET $" +
                                 std::to_string(conditions.count() + 2) + "::bigint";
  std::string text = "SELECT " + pg_columns<Row>();
  // What is passed over is so in an index: whole rows are read of the page alone.
  if constexpr (requires(Row row) { row.id; })
    text += " FROM " + pg_rows<Row>() + " WHERE id = ANY (ARRAY(SELECT id" + range_text +
            ")) ORDER BY " + order;
  else
    text += range_text;
  const std::string& rows = connection_.kept(std::move(text));
  const std::string& count = connection_.kept("SELECT count(*)" + from);
  return connection_.read([&](Tx& tx) {
    Page<Row> result;
    Params params = conditions.params();
    params.add(pg_limit(range.limit)).add(pg_limit(range.offset));
    result.rows = read_table<Row>(tx.exec(rows, params));
    if (counted)
      result.count = PgReader(tx.exec(count, conditions.params()), 0).read<std::size_t>();
    return result;
  });
}

Page<Flow> PostgresDirectory::flows(const FlowFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<Flow>("flows", conditions, "updated_at DESC, id DESC", range, true);
}

Page<Schedule> PostgresDirectory::schedules(const ScheduleFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  // Only the view knows how they stand.
  const bool standing = filter.status || filter.due_before || filter.resumes_before;
  return page<Schedule>(standing ? "schedules" : "schedule_rules", conditions, order_of(filter),
                        range, true);
}

// A busy project has a page among the latest runs of all.
Page<Run> PostgresDirectory::runs_among_latest(const RunFilter& filter, PageRange range) {
  Conditions conditions;
  add_place(conditions, filter);
  const std::string latest = "(SELECT id, due_at, project_id, kind, status FROM runs" +
                             conditions.take_where() + " ORDER BY " + kLatestFirst + " LIMIT " +
                             std::to_string(kLatestRuns) + ") AS latest";
  conditions.compare("project_id", "=", filter.project_id);
  add_kind_and_status(conditions, filter);
  return page<Run>(latest, conditions, kLatestFirst, range, false);
}

// A quiet one is looked for in its flows: a page of them with the latest runs has the page.
Page<Run> PostgresDirectory::runs_of_flows(const RunFilter& filter, PageRange range) {
  Conditions conditions;
  const std::string project = conditions.parameter(filter.project_id);
  const auto limit = pg_limit(range.limit);
  const auto others = std::numeric_limits<std::int64_t>::max() - limit;
  const std::string size = conditions.parameter(limit + std::min(pg_limit(range.offset), others));
  const std::string first = conditions.parameter(filter.due_from.value_or(Timestamp::min()));
  const auto end = filter.due_to.value_or(Timestamp::max());
  const std::string last =
      conditions.parameter(filter.before ? std::min(end, filter.before->due_at) : end);
  add_kind_and_status(conditions, filter);
  add_place(conditions, filter);
  // As runs_by_flow has them. By flow_id = and due_at alone, they might be looked for from the
  // latest of all runs on.
  conditions.add("(flow_id, due_at) >= (f.id, " + first + ")");
  conditions.add("(flow_id, due_at) <= (f.id, " + last + ")");
  const std::string latest = " CROSS JOIN LATERAL (SELECT id, due_at FROM runs" +
                             conditions.take_where() +
                             " ORDER BY flow_id DESC, due_at DESC, id DESC LIMIT ";
  return page<Run>("(SELECT r.id, r.due_at FROM (SELECT f.id FROM flows f" + latest +
                       "1) AS r WHERE f.project_id = " + project +
                       " ORDER BY r.due_at DESC, r.id DESC LIMIT " + size + ") AS f" + latest +
                       size + ") AS r) AS runs_of_flows",
                   conditions, kLatestFirst, range, false);
}

Page<Run> PostgresDirectory::runs(const RunFilter& filter, PageRange range, bool counted) {
  // Failures, and what is under way, are few, and found among their like. What an overlap policy
  // skips is not, of one project or of another.
  const auto& statuses = filter.statuses;
  const bool is_live = std::ranges::all_of(statuses, [](auto status) { return !is_final(status); });
  const bool is_failure = statuses.size() == 1 && statuses.front() != RunStatus::completed &&
                          statuses.front() != RunStatus::skipped;
  const bool incomplete = !statuses.empty() && (is_live || is_failure) && !filter.flow_id &&
                          !filter.schedule_id && !filter.kind;
  const bool of_project = !filter.flow_id && !filter.schedule_id && !filter.parent_id;
  if (of_project && !incomplete && !counted) {
    auto found = runs_among_latest(filter, range);
    return found.rows.size() == range.limit ? found : runs_of_flows(filter, range);
  }
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<Run>(incomplete ? "incomplete_runs" : "runs", conditions, kLatestFirst, range,
                   counted);
}

std::vector<KeptGap> PostgresDirectory::gaps(const GapFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  const std::string order = "to_at DESC, schedule_id DESC, from_at DESC";
  return page<KeptGap>("gaps", conditions, order, range, false).rows;
}

std::vector<Run> PostgresDirectory::last_runs(const std::vector<ScheduleId>& schedules) {
  static const std::string kLast =
      "SELECT r.* FROM unnest($1::uuid[]) AS s(id) CROSS JOIN LATERAL"
      " (SELECT " +
      pg_columns<Run>() + " FROM " + pg_rows<Run>() +
      " WHERE schedule_id = s.id AND status <> 'skipped'"
      " ORDER BY due_at DESC, id DESC LIMIT 1) r";
  return connection_.read(
      [&](Tx& tx) { return read_table<Run>(tx.exec(kLast, Params().add_all(schedules))); });
}

Page<LogEntry> PostgresDirectory::logs(const LogFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<LogEntry>("log_lines", conditions, "timestamp DESC, number DESC", range, true);
}

Page<AuditEntry> PostgresDirectory::audit(const AuditFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<AuditEntry>("audit", conditions, "number DESC", range, true);
}

Tallies PostgresDirectory::tallies(const TallyFilter& filter) {
  const auto runs_of = [](const std::string& whose) {
    return "SELECT (due_at - $2::bigint) / $4::bigint, status, started_at IS NOT NULL, count(*)"
           " FROM runs WHERE flow_id = $1::uuid AND due_at >= $2::bigint AND due_at < $3::bigint" +
           whose + " GROUP BY 1, 2, 3";
  };
  // As runs_but_children has it.
  static const std::string kRuns = runs_of(" AND origin <> 'child'");
  static const std::string kRunsOf = runs_of(" AND (id = $5::uuid OR parent_id = $5::uuid)");
  static const std::string kGaps =
      "SELECT (from_at - $2::bigint) / $4::bigint, reason, sum(count)::bigint FROM gaps"
      " WHERE flow_id = $1::uuid AND from_at >= $2::bigint AND from_at < $3::bigint GROUP BY 1, 2";
  Params params;
  params.add(filter.flow_id).add(filter.from).add(filter.to).add(filter.step);
  return connection_.read([&](Tx& tx) {
    Tallies result;
    Params of_run = params;
    if (filter.of_run) of_run.add(*filter.of_run);
    for_each_row(tx.exec(filter.of_run ? kRunsOf : kRuns, of_run), [&](PgReader& row) {
      auto& tally = result.runs.emplace_back();
      tally.step = row.read<std::int64_t>();
      tally.status = row.read<RunStatus>();
      tally.started = row.read<bool>();
      tally.count = row.read<std::uint64_t>();
    });
    if (!filter.of_run) {
      for_each_row(tx.exec(kGaps, params), [&](PgReader& row) {
        auto& tally = result.gaps.emplace_back();
        tally.step = row.read<std::int64_t>();
        tally.reason = row.read<GapReason>();
        tally.count = row.read<std::uint64_t>();
      });
    }
    sort(result);
    return result;
  });
}

}  // namespace rruled::store
