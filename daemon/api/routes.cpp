#include "daemon/api/routes.h"

#include <array>

namespace rruled::api {
namespace {

#define RRULED_PROJECT "/api/projects/{project_id}/"
#define RRULED_FLOW RRULED_PROJECT "hog_flows/{id}/"
#define RRULED_SCHEDULE RRULED_FLOW "schedules/{sid}/"

constexpr std::array<std::string_view, 8> kFlowQuery{
    "limit", "offset", "status", "search", "id", "created_by", "created_at", "updated_at"};
constexpr std::array<std::string_view, 6> kScheduleQuery{"limit",      "offset",     "id",
                                                         "created_by", "created_at", "updated_at"};
constexpr std::array<std::string_view, 4> kJobQuery{"limit", "offset", "status", "schedule"};
constexpr std::array<std::string_view, 7> kLogQuery{"limit", "offset", "after",      "before",
                                                    "level", "search", "instance_id"};
constexpr std::array<std::string_view, 7> kRunQuery{"limit",  "cursor", "schedule", "flow",
                                                    "status", "from",   "to"};
constexpr std::array<std::string_view, 3> kPreviewQuery{"after", "until", "count"};
constexpr std::array<std::string_view, 3> kUpcomingQuery{"from", "to", "limit"};

constexpr std::array kRoutes{
    Route{Verb::get,
          RRULED_PROJECT "hog_flows/",
          Scope::read,
          list_flows,
          {"Flows, latest updated first", "", "FlowPage", 200, kFlowQuery}},
    Route{Verb::post,
          RRULED_PROJECT "hog_flows/",
          Scope::write,
          create_flow,
          {"Makes a flow", "Flow", "Flow", 201}},
    Route{Verb::post,
          RRULED_PROJECT "hog_flows/bulk_delete/",
          Scope::write,
          bulk_delete_flows,
          {"Deletes those of the flows that are archived", "Ids", "Deleted"}},
    Route{Verb::get, RRULED_FLOW, Scope::read, get_flow, {"One flow", "", "Flow"}},
    Route{Verb::patch,
          RRULED_FLOW,
          Scope::write,
          patch_flow,
          {"Changes fields of a flow", "Flow", "Flow"}},
    Route{Verb::del,
          RRULED_FLOW,
          Scope::write,
          delete_flow,
          {"Deletes a flow with its schedules, runs and logs", "", "", 204}},

    Route{Verb::get,
          RRULED_FLOW "schedules/",
          Scope::read,
          list_schedules,
          {"Schedules of a flow, newest first", "", "SchedulePage", 200, kScheduleQuery}},
    Route{Verb::post,
          RRULED_FLOW "schedules/",
          Scope::write,
          create_schedule,
          {"Makes a schedule", "Schedule", "Schedule", 201}},
    Route{Verb::get, RRULED_SCHEDULE, Scope::read, get_schedule, {"One schedule", "", "Schedule"}},
    Route{Verb::patch,
          RRULED_SCHEDULE,
          Scope::write,
          patch_schedule,
          {"Changes a schedule; status pauses and resumes it", "Schedule", "Schedule"}},
    Route{Verb::del,
          RRULED_SCHEDULE,
          Scope::write,
          delete_schedule,
          {"Deletes a schedule; unsent runs are cancelled", "", "", 204}},
    Route{Verb::get,
          RRULED_SCHEDULE "preview/",
          Scope::read,
          preview_schedule,
          {"What it will do", "", "Preview", 200, kPreviewQuery}},
    Route{Verb::post,
          RRULED_SCHEDULE "run/",
          Scope::write,
          run_schedule,
          {"Runs it once, now, beside its times", "Variables", "Run"}},

    Route{Verb::get,
          RRULED_FLOW "batch_jobs/",
          Scope::read,
          list_batch_jobs,
          {"Batch jobs of a flow, newest first", "", "JobPage", 200, kJobQuery}},
    Route{Verb::post,
          RRULED_FLOW "batch_jobs/",
          Scope::write,
          create_batch_job,
          {"Runs the flow for its audience, now", "JobRequest", "Job"}},
    Route{Verb::post,
          RRULED_FLOW "batch_jobs/{jid}/cancel/",
          Scope::write,
          cancel_batch_job,
          {"Ends a batch job that is not being delivered", "", "Job"}},
    Route{Verb::get,
          RRULED_FLOW "invocations/",
          Scope::read,
          list_invocations,
          {"Invocations of a flow, newest first", "", "JobPage", 200, kJobQuery}},
    Route{Verb::post,
          RRULED_FLOW "invocations/",
          Scope::write,
          create_invocation,
          {"Runs the flow once, now", "Variables", "Job"}},
    Route{Verb::get,
          RRULED_FLOW "logs/",
          Scope::read,
          list_logs,
          {"What its runs said, newest first", "", "LogPage", 200, kLogQuery}},

    Route{Verb::post,
          RRULED_PROJECT "schedules/preview/",
          Scope::read,
          preview_unsaved,
          {"What a schedule would do; nothing is written", "PreviewRequest", "Preview"}},
    Route{Verb::get,
          RRULED_PROJECT "schedules/upcoming/",
          Scope::read,
          upcoming,
          {"Occurrences of all schedules, in order of time", "", "Upcoming", 200, kUpcomingQuery}},
    Route{Verb::get,
          RRULED_PROJECT "runs/",
          Scope::read,
          list_runs,
          {"The ledger, latest due first", "", "RunPage", 200, kRunQuery}},
    Route{Verb::get,
          RRULED_PROJECT "runs/{rid}/",
          Scope::read,
          get_run,
          {"One run with its attempts", "", "Run"}},
    Route{Verb::post,
          RRULED_PROJECT "runs/{rid}/cancel/",
          Scope::write,
          cancel_run,
          {"Ends a run that is not being delivered", "", "Run"}},

    Route{Verb::get, "/openapi.json", Scope::open, openapi, {"This description", "", "Anything"}},
    Route{Verb::get, "/livez", Scope::open, live, {"The process answers", "", "Health"}},
    Route{Verb::get, "/readyz", Scope::open, ready, {"Schedules are being fired", "", "Health"}},
    Route{Verb::get, "/healthz", Scope::open, ready, {"The same", "", "Health"}},
};

#undef RRULED_SCHEDULE
#undef RRULED_FLOW
#undef RRULED_PROJECT

}  // namespace

std::span<const Route> api_routes() { return kRoutes; }

}  // namespace rruled::api
