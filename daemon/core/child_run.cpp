#include "daemon/core/child_run.h"

#include "daemon/core/json_text.h"
#include "daemon/core/run_identity.h"

#include <boost/json/object.hpp>

namespace rruled::core {
namespace {

namespace json = boost::json;

store::Run pattern_of(const store::Run& job) {
  store::Run child;
  child.project_id = job.project_id;
  child.flow_id = job.flow_id;
  child.parent_id = store::ParentId{job.id.value};
  child.kind = store::RunKind::invocation;
  child.origin = store::RunOrigin::child;
  child.status = store::RunStatus::pending;
  child.executor = job.executor;
  child.timeout = job.timeout;
  child.retry = job.retry;
  child.flow_name = job.flow_name;
  child.variables = job.variables;
  return child;
}

}  // namespace

store::RunId child_run_id(store::RunId job, store::PersonId person) {
  return {store::uuid_v5(job.value, to_string(person))};
}

ChildMaker::ChildMaker(const store::Run& job) : pattern_(pattern_of(job)), job_(job.id) {
  json::object about{{"kind", store::word(pattern_.kind)},
                     {"origin", store::word(pattern_.origin)},
                     {"parent", to_string(job.id)},
                     {"scheduled_for", nullptr}};
  const auto body = stored_json(job.body, json::object());
  if (const auto* of_job = body.is_object() ? body.get_object().if_contains("run") : nullptr)
    if (const auto* fields = of_job->if_object())
      if (const auto* nominal = fields->if_contains("scheduled_for"))
        about["scheduled_for"] = *nominal;
  // Between the id before it and the time after it.
  const std::string middle = json_text(about);
  head_ = "\"," + middle.substr(1, middle.size() - 2) + ",\"due_at\":\"";
  tail_ = "\"}";
  if (!body.is_object()) return;
  for (const auto& [key, value] : body.get_object())
    if (key != "run") tail_ += "," + json_text(json::string(key)) + ":" + json_text(value);
}

store::Run ChildMaker::operator()(const store::Person& person, store::Timestamp now) const {
  store::Run child = pattern_;
  child.id = child_run_id(job_, person.id);
  child.due_at = child.created_at = now;
  child.available_at = now;
  child.body = "{\"run\":{\"id\":\"" + to_string(child.id) + head_ + rfc3339(now) + tail_ +
               ",\"person\":{\"distinct_id\":" + json_text(json::string(person.distinct_id)) +
               ",\"properties\":" + person.properties + "}}";
  return child;
}

}  // namespace rruled::core
