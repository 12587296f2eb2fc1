#include "daemon/api/audience.h"

#include "daemon/api/routes.h"
#include "daemon/core/field_reader.h"
#include "daemon/core/property_filter.h"

#include <array>

// Who a flow reaches, and how far its batch jobs are.
namespace rruled::api {
namespace {

namespace json = boost::json;

store::AudienceSize size_of(const Call& call, const store::PersonFilter& filter) {
  Question question(*call.backend->long_work, std::chrono::steady_clock::now);
  try {
    const auto size =
        call.audience().size(call.project(), filter, [&] { return question.goes_on(); });
    if (!size) throw Refused{question.refusal()};
    return *size;
  } catch (const store::StoreError& error) {
    if (error.kind() == store::StoreError::Kind::invalid) refuse("filters", error.what());
    throw;
  }
}

}  // namespace

bool Question::goes_on() {
  const auto taken = now_() - begun_;
  if (work_.stop.stop_requested())
    end_ = End::stopping;
  else if (taken >= kQuestionTime)
    end_ = End::too_long;
  else if (taken >= kBriefQuestion && !turn_.owns_lock() && !turn_.try_lock())
    end_ = End::busy;
  return end_ == End::none;
}

Response Question::refusal() const {
  if (end_ == End::stopping) return unavailable("The daemon stops; ask again.");
  if (end_ == End::busy)
    return unavailable(
        "Another audience is being counted, or a long history deleted: try again later.");
  return invalid({"filters", "too_costly",
                  "Counting whom they match takes longer than " +
                      std::to_string(kQuestionTime.count()) +
                      " s: use fewer conditions and simpler regular expressions,"
                      " or compare shorter texts."});
}

std::optional<store::RunId> job_of(const store::Run& run) {
  if (run.kind == store::RunKind::batch_job) return run.id;
  if (run.origin != store::RunOrigin::child || !run.parent_id) return std::nullopt;
  return store::RunId{run.parent_id->value};
}

void read_progress(const Call& call, const std::vector<store::Run>& runs, Progress& known) {
  Progress wanted;
  std::vector<store::RunId> counted;
  std::vector<store::RunId> uncounted;
  for (const auto& run : runs) {
    const auto job = job_of(run);
    if (!job || wanted.contains(*job)) continue;
    const auto read = known.find(*job);
    if (read == known.end()) (*job == run.id ? counted : uncounted).push_back(*job);
    wanted[*job] = read == known.end() ? std::nullopt : std::move(read->second);
  }
  known = std::move(wanted);
  if (!counted.empty())
    for (auto& each : call.audience().progress(counted)) known[each.run_id] = std::move(each);
  if (!uncounted.empty())
    for (auto& job : call.audience().jobs(uncounted))
      known[job.run_id] =
          store::JobProgress{.run_id = job.run_id, .trigger_config = std::move(job.trigger_config)};
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
  const auto size = size_of(call, *filter);
  Response response =
      json_response(json::object{{"affected", size.affected}, {"total", size.total}});
  response.headers = call.headers;
  return response;
}

}  // namespace rruled::api
