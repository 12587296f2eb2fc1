#include "store/postgres_directory.h"

#include "store/directory_conditions.h"
#include "store/directory_filter.h"
#include "store/postgres_rows.h"
#include "store/run_rules.h"

#include <algorithm>

namespace rruled::store {

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
  [[nodiscard]] const Params& params() const { return params_; }
  [[nodiscard]] int count() const { return count_; }

 private:
  std::string where_;
  Params params_;
  int count_ = 0;
};

const std::string& PostgresDirectory::kept(std::string sql) {
  return *texts_.insert(std::move(sql)).first;
}

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
  const std::string& rows = kept(std::move(text));
  const std::string& count = kept("SELECT count(*)" + from);
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

Page<Run> PostgresDirectory::runs(const RunFilter& filter, PageRange range, bool counted) {
  Conditions conditions;
  add_conditions(conditions, filter);
  // Failures, and what is under way, are few, and found among their like. What an overlap policy
  // skips is not, of one project or of another.
  const auto& statuses = filter.statuses;
  const bool is_live = std::ranges::all_of(statuses, [](auto status) { return !is_final(status); });
  const bool is_failure = statuses.size() == 1 && statuses.front() != RunStatus::completed &&
                          statuses.front() != RunStatus::skipped;
  const bool incomplete = !statuses.empty() && (is_live || is_failure) && !filter.flow_id &&
                          !filter.schedule_id && !filter.kind;
  return page<Run>(incomplete ? "incomplete_runs" : "runs", conditions, "due_at DESC, id DESC",
                   range, counted);
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
