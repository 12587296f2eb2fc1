#include "daemon/io/audit_write.h"

#include "daemon/core/audit.h"
#include "daemon/core/flow_json.h"
#include "daemon/core/schedule_json.h"

#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rruled::io {
namespace {

namespace json = boost::json;

template <class Row>
json::object shown(const Row& row) {
  if constexpr (std::is_same_v<Row, store::Run>)
    return core::audited(row);
  else
    return core::to_json(row);
}

class Lines {
 public:
  Lines(const std::string& actor, store::Timestamp at) : actor_(actor), at_(at) {}

  template <class Row>
  void add(std::string_view kind, const std::optional<Row>& before, const Row* after) {
    const Row* row = after != nullptr ? after : (before ? &*before : nullptr);
    if (row == nullptr) return;  // not there, and not to be: the store refuses it
    const core::AuditSubject subject{row->project_id, kind, to_string(row->id)};
    const auto was = before ? std::optional(shown(*before)) : std::nullopt;
    const auto is = after != nullptr ? std::optional(shown(*after)) : std::nullopt;
    const std::string_view action = !was ? "create" : is ? "update" : "delete";
    lines_.push_back(
        core::audit_line(at_, actor_, action, subject, was ? &*was : nullptr, is ? &*is : nullptr));
  }
  [[nodiscard]] std::vector<store::AuditEntry> take() { return std::move(lines_); }

 private:
  const std::string& actor_;
  store::Timestamp at_;
  std::vector<store::AuditEntry> lines_;
};

bool is_empty(const store::ChangeSet& changes) {
  return changes.delete_flows.empty() && changes.delete_schedules.empty() &&
         changes.flows.empty() && changes.schedules.empty() && changes.gaps.empty() &&
         changes.runs.empty() && changes.calendars.empty() && changes.delete_calendars.empty() &&
         changes.backfills.empty() && changes.projects.empty();
}

}  // namespace

void add_audit(store::ChangeSet& changes,
               store::Store& store,
               const std::string& actor,
               store::Timestamp now) {
  Lines lines(actor, now);
  for (const auto& each : changes.delete_flows)
    lines.add<store::Flow>("flow", store.flow(each.id), nullptr);
  for (const auto& each : changes.delete_schedules)
    lines.add<store::Schedule>("schedule", store.schedule(each.id), nullptr);
  for (const auto& put : changes.flows) {
    const auto before = put.expected_revision ? store.flow(put.flow.id) : std::nullopt;
    lines.add("flow", before, &put.flow);
  }
  for (const auto& put : changes.schedules) {
    const auto before = put.expected ? store.schedule(put.schedule.id) : std::nullopt;
    lines.add("schedule", before, &put.schedule);
  }
  for (const auto& run : changes.runs)
    if (run.origin == store::RunOrigin::manual) lines.add("run", std::optional<store::Run>(), &run);
  const auto found = lines.take();
  changes.audit.insert(changes.audit.end(), found.begin(), found.end());
}

std::optional<store::Conflict> write_with_audit(store::ChangeSet changes,
                                                store::Store& store,
                                                const std::string& actor,
                                                store::Timestamp now) {
  if (is_empty(changes)) return std::nullopt;
  add_audit(changes, store, actor, now);
  return store.write(changes, now);
}

}  // namespace rruled::io
