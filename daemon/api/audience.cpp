#include "daemon/api/audience.h"

#include "daemon/api/routes.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/property_filter.h"

#include <array>

// Who a flow reaches, and how far its batch jobs are.
namespace rruled::api {
namespace {

namespace json = boost::json;

}  // namespace

std::map<store::RunId, std::optional<store::JobProgress>> progress_of(
    const Call& call, const std::vector<store::Run>& runs) {
  std::vector<store::RunId> ids;
  for (const auto& run : runs)
    if (run.kind == store::RunKind::batch_job) ids.push_back(run.id);
  std::map<store::RunId, std::optional<store::JobProgress>> all;
  if (ids.empty()) return all;
  for (auto& each : call.audience().progress(ids)) all[each.run_id] = std::move(each);
  return all;
}

json::value progress_json(const store::JobProgress& progress) {
  return {{"total", progress.total ? json::value(*progress.total) : json::value(nullptr)},
          {"enqueued", progress.enqueued},
          {"done", progress.done},
          {"failed", progress.failed},
          {"truncated", progress.truncated}};
}

Response user_blast_radius(Call& call) {
  const auto body = body_object(call);
  const auto* filters = body.if_contains("filters");
  if (filters == nullptr || filters->is_null())
    refuse("", "Missing filters for which to get blast radius");
  const auto* group = body.if_contains("group_type_index");
  if (group != nullptr && !group->is_null())
    refuse("group_type_index", "Groups are not supported: an audience is made of persons.");
  constexpr std::array<std::string_view, 2> kKeys{"filters", "group_type_index"};
  warn_unknown(call, core::FieldReader::unknown_keys(body, kKeys));
  const auto filter = core::filter_from_json(*filters, "filters", call.now);
  if (!filter) throw Refused{invalid(filter.error())};
  const auto size = call.audience().size(call.project(), *filter);
  Response response =
      json_response(json::object{{"affected", size.affected}, {"total", size.total}});
  response.headers = call.headers;
  return response;
}

}  // namespace rruled::api
