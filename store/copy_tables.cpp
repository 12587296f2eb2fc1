#include "store/copy_tables.h"

#include "store/audience_columns.h"
#include "store/columns.h"
#include "store/errors.h"

namespace rruled::store {
namespace {

template <class T>
struct KindOf {
  static constexpr CopyKind value = CopyKind::integer;
};
template <>
struct KindOf<std::string> {
  static constexpr CopyKind value = CopyKind::text;
};
template <class Tag>
struct KindOf<Id<Tag>> {
  static constexpr CopyKind value = CopyKind::id;
};
template <>
struct KindOf<bool> {
  static constexpr CopyKind value = CopyKind::flag;
};
template <class T>
requires std::is_enum_v<T>
struct KindOf<T> {
  static constexpr CopyKind value = CopyKind::text;
};
template <class T>
struct KindOf<std::optional<T>> : KindOf<T> {};

template <class Row>
std::vector<CopyColumn> columns_of() {
  std::vector<CopyColumn> columns;
  const Row row{};
  visit_columns(row, [&]<class Member>(std::string_view name, const Member&) {
    columns.push_back({std::string(name), KindOf<Member>::value});
  });
  return columns;
}

std::vector<CopyColumn> columns_of_runs() {
  auto columns = columns_of<Run>();
  columns.insert(columns.begin(), {"number", CopyKind::integer});
  columns.push_back({"claimed_at", CopyKind::integer});
  columns.push_back({"released", CopyKind::flag});
  columns.push_back({"cancel_revision", CopyKind::integer});
  return columns;
}

std::vector<CopyColumn> columns_of_values() {
  auto columns = columns_of<PersonValue>();
  columns.insert(columns.begin(), {"person_id", CopyKind::id});
  return columns;
}

std::vector<CopyTable> make_tables() {
  using enum CopyKind;
  return {
      {"flows", columns_of<Flow>(), "id"},
      {"schedules", columns_of<Schedule>(), "id"},
      {"tombstones", {{"schedule_id", id}, {"revision"}, {"version"}}, "schedule_id"},
      {"runs", columns_of_runs(), "number"},
      {"attempts",
       {{"run"},
        {"number"},
        {"started_at"},
        {"finished_at"},
        {"outcome", text},
        {"status_code"},
        {"error", text}},
       "run, number"},
      // In the order of writing, in which they are numbered anew.
      {"log_lines", columns_of<LogEntry>(), "number"},
      {"gaps",
       {{"schedule_id", id},
        {"from_at"},
        {"to_at"},
        {"reason", text},
        {"count"},
        {"flow_id", id},
        {"project_id"}},
       "schedule_id, from_at"},
      {"tokens",
       {{"id", id},
        {"project_id"},
        {"name", text},
        {"hash", bytes},
        {"scopes", text},
        {"created_at"},
        {"expires_at"},
        {"revoked_at"},
        {"last_used_at"}},
       "id"},
      {"requests", {{"made", id}, {"digest", text}}, "made"},
      {"audit", columns_of<AuditEntry>(), "number"},
      {"calendars", columns_of<Calendar>(), "project_id, name"},
      {"backfills", columns_of<Backfill>(), "id"},
      {"projects", columns_of<Project>(), "id"},
      {"persons", columns_of<Person>(), "id"},
      {"person_values", columns_of_values(), "person_id, key"},
      {"jobs", columns_of<Job>(), "run_id"},
  };
}

}  // namespace

const std::vector<CopyTable>& copied_tables() {
  static const auto kTables = make_tables();
  return kTables;
}

std::string column_list(const CopyTable& table) {
  std::string list;
  for (const auto& column : table.columns) list += (list.empty() ? "" : ", ") + column.name;
  return list;
}

void refuse_incomplete_copy(const std::string& store, const std::string& mark) {
  throw StoreError(StoreError::Kind::fault,
                   "store " + store + " is an " + mark +
                       ", and empty: copy to it again (`rruled store copy`). Or,"
                       " where that copy is given up, take it into use as it is with `rruled store"
                       " reopen`");
}

}  // namespace rruled::store
