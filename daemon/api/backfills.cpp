#include "daemon/api/jobs.h"
#include "daemon/api/routes.h"
#include "daemon/api/verbs.h"
#include "daemon/core/backfill.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/lifecycle.h"
#include "daemon/io/run_verbs.h"

#include <array>

namespace rruled::api {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 4> kBackfillKeys{"from", "to", "dry_run", "note"};
constexpr std::array<std::string_view, 3> kBackfillTexts{"from", "to", "note"};

struct Wanted {
  store::Timestamp from{};
  store::Timestamp to{};
  bool dry_run = false;
  std::string note;
};

Wanted read(const json::object& body) {
  Wanted request;
  core::FieldReader fields(body);
  fields.require("from");
  fields.require("to");
  fields.instant("from", request.from);
  fields.instant("to", request.to);
  fields.text("note", request.note, {.length_max = 1'000, .blank = true});
  if (const auto* dry = fields.find("dry_run"); dry && !fields.failed()) {
    if (dry->is_bool())
      request.dry_run = dry->get_bool();
    else
      fields.refuse("dry_run", "invalid_input", "Must be true or false.");
  }
  if (fields.failed()) throw Refused{invalid(*fields.error())};
  return request;
}

store::Backfill backfill_of(const Call& call) {
  const auto id = store::parse_id<store::ParentId>(call.argument("bid"));
  auto backfill = id ? call.directory().backfill(*id) : std::nullopt;
  if (!backfill || backfill->project_id != call.project()) throw Refused{not_found()};
  return std::move(*backfill);
}

json::object shown(const Call& call, const store::Backfill& backfill) {
  return core::to_json(backfill, call.directory().counts_of(backfill.id));
}

core::Preview occurrences(const Call& call,
                          const store::Schedule& schedule,
                          const Wanted& request) {
  const auto rules = rules_of(call);
  const auto timetable = core::Timetable::compile(schedule, rules.zones, rules.calendars);
  if (!timetable)
    refuse(std::string(timetable.error().field), timetable.error().error.detail + ".");
  auto preview = core::backfill_preview(*timetable, request.from, request.to, call.now);
  if (!preview) throw Refused{invalid(preview.error())};
  return std::move(*preview);
}

Response accepted(const Call& call, const store::Backfill& backfill) {
  Response response = json_response(
      json::object{{"backfill_id", to_string(backfill.id)}, {"count", backfill.count}}, 202);
  response.headers = call.headers;
  return response;
}

}  // namespace

Response create_backfill(Call& call) {
  const store::Flow flow = flow_of(call);
  const store::Schedule schedule = schedule_of(call, flow);
  const json::object body = body_object(call, {.texts = kBackfillTexts});
  warn_unknown(call, core::FieldReader::unknown_keys(body, kBackfillKeys));
  const Wanted request = read(body);
  const Made made = made_by(call, schedule.id.value);
  store::Backfill backfill;
  backfill.id = store::ParentId{made.id};
  if (const auto known = request.dry_run ? std::nullopt : call.directory().backfill(backfill.id)) {
    remember(call, made, body);
    say_replayed(call);
    return accepted(call, *known);
  }
  const auto preview = occurrences(call, schedule, request);
  if (request.dry_run) {
    json::object object = core::to_json(preview);
    object["count"] = preview.items.size();
    Response response = json_response(object);
    response.headers = call.headers;
    return response;
  }
  if (const auto silent = core::why_it_cannot_fire(flow); !silent.empty())
    refuse("", "The schedule cannot fire: " + silent + ".");
  backfill.project_id = schedule.project_id;
  backfill.flow_id = flow.id;
  backfill.schedule_id = schedule.id;
  backfill.from = std::chrono::ceil<std::chrono::seconds>(request.from);
  backfill.to = std::chrono::ceil<std::chrono::seconds>(request.to);
  backfill.count = preview.items.size();
  backfill.note = request.note;
  backfill.created_at = call.now;
  remember(call, made, body);
  bool there = false;  // by the same request, which came twice at one time
  write_changes(call, [&] {
    store::ChangeSet changes;
    there = call.directory().backfill(backfill.id).has_value();
    if (there) return changes;
    changes.backfills.push_back({backfill, std::nullopt});
    const json::object after = core::to_json(backfill, {});
    changes.audit.push_back(
        audit_entry(call, "create", "backfill", to_string(backfill.id), nullptr, &after));
    return changes;
  });
  if (there) say_replayed(call);
  return accepted(call, backfill);
}

Response get_backfill(Call& call) { return json_response(shown(call, backfill_of(call))); }

Response cancel_backfill(Call& call) {
  write_changes(call, [&] {
    return io::backfill_cancellation(call.directory(), backfill_of(call), call.grant.who, call.now);
  });
  io::end_unsent_runs(call.directory(), backfill_of(call), call.grant.who, call.now);
  return get_backfill(call);
}

}  // namespace rruled::api
