#include "store/sqlite_directory.h"

#include "store/directory_conditions.h"
#include "store/directory_filter.h"
#include "store/run_rules.h"
#include "store/sqlite_rows.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace rruled::store {
namespace {

struct Way {
  const char* index;
  const char* predicate = "";  // of a partial index
};

// Left to choose, SQLite takes the index that has the order, and goes through all of a project for
// the few runs that are asked for.
Way way_to(const RunFilter& filter) {
  const auto& statuses = filter.statuses;
  const auto all = [&](auto is) { return !statuses.empty() && std::ranges::all_of(statuses, is); };
  if (all([](RunStatus status) { return status == RunStatus::waiting; }))
    return {"runs_waiting", "status = 'waiting'"};
  if (all(holds_slot)) return {"runs_holding", kIsHolding};
  if (filter.schedule_id) return {"runs_by_schedule"};
  if (filter.parent_id) return {"runs_by_parent"};
  // Failures are few. What an overlap policy skips is not, of one project or of another.
  const bool failed = statuses.size() == 1 && statuses.front() != RunStatus::completed &&
                      statuses.front() != RunStatus::skipped;
  if (failed) return {"runs_unhappy", kIsUnhappy};
  if (filter.flow_id && filter.kind == RunKind::batch_job)
    return {"runs_batch_jobs", "kind = 'batch_job'"};
  return {filter.flow_id ? "runs_by_flow" : "runs_by_project"};
}

const char* way_to(const GapFilter& filter) {
  if (filter.schedule_id) return "sqlite_autoindex_gaps_1";  // the primary key
  if (filter.flow_id) return "gaps_by_flow";
  if (!filter.project_id) return "gaps_by_end";
  return filter.reason ? "gaps_by_reason" : "gaps_by_project";
}

}  // namespace

std::unique_ptr<Directory> SqliteStore::directory() {
  return std::make_unique<SqliteDirectory>(*this);
}

// The WHERE of a query with its parameters. Only what is asked for is in it, so that SQLite finds
// the index that fits. Values are kept by reference: the filter must outlive it.
class SqliteDirectory::Conditions {
 public:
  template <class T>
  void equals(const char* column, const std::optional<T>& value) {
    if (value) compare(column, "=", *value);
  }
  template <class T>
  void compare(const std::string& column, const std::string& sign, const T& value) {
    add(column + " " + sign + " ?", value);
  }
  void before(const RunCursor& cursor) { add("(due_at, id) < (?, ?)", cursor.due_at, cursor.id); }
  void before(const GapCursor& cursor) {
    add("(to_at, schedule_id, from_at) < (?, ?, ?)", cursor.to, cursor.schedule_id, cursor.from);
  }
  // Of one flow the project is asked of the flow's row, once: so rows are counted in an index.
  void in_project(const std::int64_t& project, const std::optional<FlowId>& flow) {
    if (!flow) {
      add("project_id = ?", project);
      return;
    }
    add("(SELECT project_id FROM flows WHERE id = ?) = ?", *flow, project);
    add("flow_id = ?", *flow);
  }
  template <class... T>
  void add(const std::string& condition, const T&... values) {
    where_ += (where_.empty() ? " WHERE " : " AND ") + condition;
    binds_.emplace_back([&values...](Query& query) { (query.bind(values), ...); });
  }
  template <class Enum>
  void one_of(const char* column, const std::vector<Enum>& values) {
    if (values.empty()) return;
    where_ += (where_.empty() ? " WHERE " : " AND ") + std::string(column) + " IN (" +
              word_list(values) + ")";
  }
  // `search` in any of the columns.
  void search(const std::vector<const char*>& columns, const std::string& search) {
    if (search.empty()) return;
    needle_ = lower_ascii(search);
    std::string any;
    for (const char* column : columns) {
      any += (any.empty() ? "(" : " OR ") + std::string("instr(lower(") + column + "), ?) > 0";
      binds_.emplace_back([this](Query& query) { query.bind(needle_); });
    }
    where_ += (where_.empty() ? " WHERE " : " AND ") + any + ")";
  }
  void bind(Query& query) const {
    for (const auto& each : binds_) each(query);
  }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  std::string where_;
  std::string needle_;
  std::vector<std::function<void(Query&)>> binds_;
};

template <class Row>
Page<Row> SqliteDirectory::page(const Conditions& conditions,
                                const std::string& order,
                                PageRange range,
                                bool counted,
                                const std::string& index) {
  const std::string from = " FROM " + std::string(kTable<Row>) +
                           (index.empty() ? "" : " INDEXED BY " + index) + conditions.where();
  const std::string& rows = connection_->kept("SELECT " + column_list<Row>() + from + " ORDER BY " +
                                              order + " LIMIT ? OFFSET ?");
  const std::string& count = connection_->kept("SELECT count(*)" + from);
  return connection_->read([&] {
    Page<Row> result;
    Query query(*connection_, rows);
    conditions.bind(query);
    query.bind(as_limit(range.limit)).bind(as_limit(range.offset));
    result.rows = read_rows<Row>(query);
    if (!counted) return result;
    Query all(*connection_, count);
    conditions.bind(all);
    all.step();
    result.count = all.read<std::size_t>();
    return result;
  });
}

Page<Flow> SqliteDirectory::flows(const FlowFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<Flow>(conditions, "updated_at DESC, id DESC", range, true);
}

Page<Schedule> SqliteDirectory::schedules(const ScheduleFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<Schedule>(conditions, order_of(filter), range, true);
}

Page<Run> SqliteDirectory::runs(const RunFilter& filter, PageRange range, bool counted) {
  Conditions conditions;
  add_conditions(conditions, filter);
  const auto [index, predicate] = way_to(filter);
  if (*predicate != '\0') conditions.add(predicate);
  return page<Run>(conditions, "due_at DESC, id DESC", range, counted, index);
}

std::vector<KeptGap> SqliteDirectory::gaps(const GapFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  const std::string order = "to_at DESC, schedule_id DESC, from_at DESC";
  return page<KeptGap>(conditions, order, range, false, way_to(filter)).rows;
}

std::vector<Run> SqliteDirectory::last_runs(const std::vector<ScheduleId>& schedules) {
  static const std::string kLast = "SELECT " + column_list<Run>() +
                                   " FROM runs WHERE schedule_id = ? AND status <> 'skipped'"
                                   " ORDER BY due_at DESC, id DESC LIMIT 1";
  return connection_->read([&] {
    std::vector<Run> found;
    for (const auto& id : schedules) {
      Query query(*connection_, kLast);
      if (query.bind(id).step()) found.push_back(read_row<Run>(query));
    }
    return found;
  });
}

Page<LogEntry> SqliteDirectory::logs(const LogFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<LogEntry>(conditions, "timestamp DESC, number DESC", range, true);
}

Page<AuditEntry> SqliteDirectory::audit(const AuditFilter& filter, PageRange range) {
  Conditions conditions;
  add_conditions(conditions, filter);
  return page<AuditEntry>(conditions, "number DESC", range, true);
}

Tallies SqliteDirectory::tallies(const TallyFilter& filter) {
  const auto runs_of = [](const std::string& index, const std::string& whose) {
    return "SELECT (due_at - ?2) / ?4, status, started_at IS NOT NULL, count(*) FROM runs" + index +
           " WHERE flow_id = ?1 AND due_at >= ?2 AND due_at < ?3" + whose + " GROUP BY 1, 2, 3";
  };
  static const std::string kRuns =
      runs_of(" INDEXED BY runs_but_children", " AND origin <> 'child'");
  static const std::string kRunsOf = runs_of("", " AND (id = ?5 OR parent_id = ?5)");
  static const std::string kGaps =
      "SELECT (from_at - ?2) / ?4, reason, sum(count) FROM gaps"
      " WHERE flow_id = ?1 AND from_at >= ?2 AND from_at < ?3 GROUP BY 1, 2";
  return connection_->read([&] {
    Tallies result;
    Query runs(*connection_, filter.of_run ? kRunsOf : kRuns);
    runs.bind(filter.flow_id).bind(filter.from).bind(filter.to).bind(filter.step);
    if (filter.of_run) runs.bind(*filter.of_run);
    while (runs.step()) {
      auto& tally = result.runs.emplace_back();
      tally.step = runs.read<std::int64_t>();
      tally.status = runs.read<RunStatus>();
      tally.started = runs.read<bool>();
      tally.count = runs.read<std::uint64_t>();
    }
    if (!filter.of_run) {
      Query gaps(*connection_, kGaps);
      gaps.bind(filter.flow_id).bind(filter.from).bind(filter.to).bind(filter.step);
      while (gaps.step()) {
        auto& tally = result.gaps.emplace_back();
        tally.step = gaps.read<std::int64_t>();
        tally.reason = gaps.read<GapReason>();
        tally.count = gaps.read<std::uint64_t>();
      }
    }
    sort(result);
    return result;
  });
}

}  // namespace rruled::store
