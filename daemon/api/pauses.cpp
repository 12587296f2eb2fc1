#include "daemon/api/routes.h"
#include "daemon/api/verbs.h"
#include "daemon/core/audit.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/project.h"

#include <array>

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 2> kPauseKeys{"note", "catch_up"};

struct Wish {
  std::optional<std::string> note;
  core::CatchUp catch_up = core::CatchUp::none;
};

Wish read(Call& call) {
  static constexpr std::array<std::string_view, 1> kTexts{"note"};
  const json::object body = body_object(call, {.texts = kTexts});
  warn_unknown(call, core::FieldReader::unknown_keys(body, kPauseKeys));
  Wish wish;
  core::FieldReader fields(body);
  std::string note;
  fields.text("note", note, {.length_max = 1'000, .blank = true});
  if (const auto* catch_up = fields.find("catch_up"); catch_up && catch_up->is_bool())
    wish.catch_up = catch_up->get_bool() ? core::CatchUp::policy : core::CatchUp::none;
  else
    fields.word("catch_up", wish.catch_up);
  if (fields.failed()) throw Refused{invalid(*fields.error())};
  if (body.contains("note")) wish.note = std::move(note);
  return wish;
}

Response state(const Call& call) {
  Response response = json_response(to_json(call.directory().project(call.project())));
  response.headers = call.headers;
  return response;
}

void write_project(const Call& call,
                   std::string_view action,
                   const std::function<void(store::Project&)>& change) {
  write_changes(call, [&] {
    const auto before = call.directory().project(call.project());
    store::Project after = before.value_or(store::Project{});
    after.id = call.project();
    change(after);
    store::ChangeSet changes;
    if (before && after == *before) return changes;
    changes.projects.push_back({after, before});
    const json::object was = to_json(before);
    const json::object is = to_json(std::optional(after));
    changes.audit.push_back(
        audit_entry(call, action, "project", std::to_string(after.id), &was, &is));
    return changes;
  });
}

}  // namespace

store::AuditEntry audit_entry(const Call& call,
                              std::string_view action,
                              std::string_view kind,
                              std::string id,
                              const json::object* before,
                              const json::object* after) {
  return core::audit_line(call.now, call.grant.who, action, {call.project(), kind, std::move(id)},
                          before, after);
}

json::object to_json(const std::optional<store::Project>& project) {
  return core::to_json(project.value_or(store::Project{}));
}

Response get_pause(Call& call) { return state(call); }

Response pause_project(Call& call) {
  const Wish wish = read(call);
  write_project(call, "pause", [&](store::Project& row) {
    if (!row.paused()) row.note.clear();
    core::pause(row, call.now);
    if (wish.note) row.note = *wish.note;
  });
  return state(call);
}

Response resume_project(Call& call) {
  const Wish wish = read(call);
  if (!call.directory().project(call.project())) return state(call);
  write_project(call, "resume", [&](store::Project& row) {
    if (!row.paused()) return;
    core::resume(row, wish.catch_up, call.now);
    if (wish.note) row.note = *wish.note;
  });
  return state(call);
}

}  // namespace rruled::api
