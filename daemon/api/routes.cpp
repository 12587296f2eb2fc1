#include "daemon/api/routes.h"

#include "daemon/api/jobs.h"

#include <algorithm>
#include <array>

namespace rruled::api {
namespace {

#define RRULED_PROJECT "/api/projects/{project_id}/"
#define RRULED_FLOW RRULED_PROJECT "hog_flows/{id}/"
#define RRULED_SCHEDULE RRULED_FLOW "schedules/{sid}/"

constexpr QueryParameter text_in(std::string_view name) { return {name}; }
constexpr QueryParameter id_in(std::string_view name) { return {name, QueryParameter::Kind::id}; }
constexpr QueryParameter time_in(std::string_view name, std::string_view fallback = {}) {
  return {name, QueryParameter::Kind::time, {}, fallback};
}
constexpr QueryParameter size_in(std::string_view name, SizeRange range) {
  return {name, QueryParameter::Kind::size, {}, {}, range};
}
constexpr QueryParameter word_in(std::string_view name,
                                 std::span<const std::string_view> words,
                                 std::string_view fallback = {}) {
  return {name, QueryParameter::Kind::word, words, fallback};
}

constexpr QueryParameter kLimit = size_in("limit", kPageLimit);
constexpr QueryParameter kLimitOfCursor = size_in("limit", kCursorLimit);
constexpr QueryParameter kSkipped = size_in("offset", kOffset);

constexpr std::array kFlowQuery{kLimit,
                                kSkipped,
                                word_in("status", store::kWords<store::FlowStatus>),
                                text_in("search"),
                                id_in("id"),
                                text_in("created_by"),
                                time_in("created_at"),
                                time_in("updated_at")};
constexpr std::array kScheduleQuery{kLimit,
                                    kSkipped,
                                    id_in("id"),
                                    text_in("created_by"),
                                    time_in("created_at"),
                                    time_in("updated_at")};
constexpr std::array kPersonQuery{kLimit, kSkipped, text_in("distinct_id")};
constexpr std::array kJobQuery{kLimit, kSkipped, word_in("status", kJobWords), id_in("schedule")};
constexpr std::array kLogQuery{
    size_in("limit", kLogLimit),
    kSkipped,
    time_in("after"),
    time_in("before"),
    QueryParameter{"level", QueryParameter::Kind::words, store::kWords<store::LogLevel>},
    text_in("search"),
    id_in("instance_id")};
constexpr std::array kMetricQuery{
    time_in("after", "-7d"), time_in("before"), word_in("interval", kIntervals, "day"),
    text_in("name"),         text_in("kind"),   word_in("breakdown_by", kBreakdowns, "kind"),
    id_in("instance_id")};
constexpr std::array kRunQuery{kLimitOfCursor,
                               text_in("cursor"),
                               id_in("schedule"),
                               id_in("flow"),
                               word_in("status", store::kWords<store::RunStatus>),
                               time_in("from"),
                               time_in("to")};
constexpr std::array kGapQuery{kLimitOfCursor,
                               text_in("cursor"),
                               id_in("schedule"),
                               id_in("flow"),
                               word_in("reason", store::kWords<store::GapReason>),
                               time_in("from"),
                               time_in("to")};
constexpr std::array kPreviewQuery{time_in("after"), time_in("until"),
                                   size_in("count", kPreviewCount)};
constexpr std::array kUpcomingQuery{time_in("from"), time_in("to"),
                                    size_in("limit", kUpcomingLimit)};
constexpr std::array kPageQuery{kLimit, kSkipped};
constexpr std::array kExplainQuery{time_in("at"), size_in("around", kAround)};
constexpr std::array kReadyQuery{QueryParameter{"verbose", QueryParameter::Kind::flag}};

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
    Route{Verb::post,
          RRULED_PROJECT "hog_flows/user_blast_radius/",
          Scope::read,
          user_blast_radius,
          {"How many persons filters match, and how many there are", "BlastRadiusRequest",
           "BlastRadius"}},
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
    Route{Verb::post,
          RRULED_SCHEDULE "backfill/",
          Scope::write,
          create_backfill,
          {.summary = "Runs its occurrences in [from, to) once more; of a dry run 200 and those",
           .request = "BackfillRequest",
           .response = "BackfillMade",
           .status = 202,
           .other_status = 200,
           .other_response = "Preview"}},
    Route{Verb::get,
          RRULED_SCHEDULE "explain/",
          Scope::read,
          explain_schedule,
          {"What becomes of its occurrences around a time, and why", "", "Explanation", 200,
           kExplainQuery}},

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
          {.summary = "Ends a batch job; 202: it is with an executor, and ends in a moment",
           .response = "Job",
           .other_status = 202}},
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
    Route{Verb::get,
          RRULED_FLOW "metrics/",
          Scope::read,
          flow_metrics,
          {"What became of its runs, over time", "", "Metrics", 200, kMetricQuery}},
    Route{Verb::get,
          RRULED_FLOW "metrics/totals/",
          Scope::read,
          flow_metric_totals,
          {"The same, summed", "", "MetricTotals", 200, kMetricQuery}},

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
          RRULED_PROJECT "schedules/overdue/",
          Scope::read,
          overdue,
          {"Schedules that are late beyond late_after", "", "OverduePage", 200, kPageQuery}},
    Route{Verb::get,
          RRULED_PROJECT "calendars/",
          Scope::read,
          list_calendars,
          {"Calendars, by name", "", "CalendarPage", 200, kPageQuery}},
    Route{Verb::post,
          RRULED_PROJECT "calendars/",
          Scope::write,
          create_calendar,
          {"Makes a calendar", "Calendar", "Calendar", 201}},
    Route{Verb::get,
          RRULED_PROJECT "calendars/{name}/",
          Scope::read,
          get_calendar,
          {"One calendar", "", "Calendar"}},
    Route{Verb::patch,
          RRULED_PROJECT "calendars/{name}/",
          Scope::write,
          patch_calendar,
          {"Changes a calendar; its schedules go on by it", "Calendar", "Calendar"}},
    Route{Verb::del,
          RRULED_PROJECT "calendars/{name}/",
          Scope::write,
          delete_calendar,
          {"Deletes a calendar that no schedule names", "", "", 204}},
    Route{Verb::get,
          RRULED_PROJECT "backfills/{bid}/",
          Scope::read,
          get_backfill,
          {"How far a backfill is", "", "Backfill"}},
    Route{Verb::post,
          RRULED_PROJECT "backfills/{bid}/cancel/",
          Scope::write,
          cancel_backfill,
          {"Ends a backfill; what is being delivered ends by itself", "", "Backfill"}},
    Route{Verb::get,
          RRULED_PROJECT "pause/",
          Scope::read,
          get_pause,
          {"Whether the project is paused", "", "Pause"}},
    Route{Verb::post,
          RRULED_PROJECT "pause/",
          Scope::write,
          pause_project,
          {"Stops all schedules of the project", "PauseRequest", "Pause"}},
    Route{Verb::post,
          RRULED_PROJECT "resume/",
          Scope::write,
          resume_project,
          {"Starts them again", "PauseRequest", "Pause"}},
    Route{Verb::get,
          RRULED_PROJECT "runs/",
          Scope::read,
          list_runs,
          {"The ledger, latest due first", "", "RunPage", 200, kRunQuery}},
    Route{
        Verb::get,
        RRULED_PROJECT "runs/gaps/",
        Scope::read,
        list_gaps,
        {"Occurrences that have no run, and why: latest end first", "", "GapPage", 200, kGapQuery}},
    Route{Verb::get,
          RRULED_PROJECT "runs/{rid}/",
          Scope::read,
          get_run,
          {"One run with its attempts", "", "Run"}},
    Route{Verb::post,
          RRULED_PROJECT "runs/{rid}/cancel/",
          Scope::write,
          cancel_run,
          {.summary = "Ends a run; 202: it is with an executor, and ends in a moment",
           .response = "Run",
           .other_status = 202}},
    Route{Verb::post,
          RRULED_PROJECT "runs/{rid}/retry/",
          Scope::write,
          retry_run,
          {"Tries a failed or dead run again, with the same key", "", "Run"}},

    Route{Verb::get,
          RRULED_PROJECT "persons/",
          Scope::read,
          list_persons,
          {"Persons, by id", "", "PersonPage", 200, kPersonQuery}},
    Route{
        Verb::post,
        RRULED_PROJECT "persons/",
        Scope::write,
        put_persons,
        {.summary = "Makes a person (201), or replaces its properties; in bulk as JSON lines (200)",
         .request = "Person",
         .response = "Person",
         .status = 201,
         .other_status = 200,
         .other_response = "PersonsPut"}},

    Route{Verb::get, "/openapi.json", Scope::open, openapi, {"This description", "", "Anything"}},
    Route{Verb::get, "/livez", Scope::open, live, {"The process answers", "", "Health"}},
    Route{Verb::get,
          "/readyz",
          Scope::open,
          ready,
          {.summary = "Schedules are being fired",
           .response = "Health",
           .query = kReadyQuery,
           .also_produces = "text/plain",
           .other_status = 503}},
    Route{Verb::get,
          "/healthz",
          Scope::open,
          ready,
          {.summary = "The same",
           .response = "Health",
           .query = kReadyQuery,
           .also_produces = "text/plain",
           .other_status = 503}},
    Route{Verb::get,
          "/metrics",
          Scope::open,
          prometheus_metrics,
          {"Counters for Prometheus", "", "", 200, {}, "text/plain"}},
};

#undef RRULED_SCHEDULE
#undef RRULED_FLOW
#undef RRULED_PROJECT

}  // namespace

std::span<const Route> api_routes() { return kRoutes; }

std::span<const Route> health_routes() {
  constexpr std::size_t kCount = 4;  // the last ones
  static_assert(kRoutes[kRoutes.size() - kCount].pattern == "/livez");
  return std::span(kRoutes).last(kCount);
}

bool is_health_route(const Route& route) {
  return std::ranges::any_of(health_routes(),
                             [&](const Route& each) { return each.pattern == route.pattern; });
}

}  // namespace rruled::api
