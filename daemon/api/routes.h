#pragma once

#include "daemon/api/call.h"
#include "daemon/api/router.h"

#include <span>

// The API, whole: every route with what it needs and what answers it.
namespace rruled::api {

[[nodiscard]] std::span<const Route> api_routes();
// Those without a project: health and metrics.
[[nodiscard]] std::span<const Route> health_routes();
[[nodiscard]] bool is_health_route(const Route& route);

// flows.cpp
Response list_flows(Call& call);
Response create_flow(Call& call);
Response get_flow(Call& call);
Response patch_flow(Call& call);
Response delete_flow(Call& call);
Response bulk_delete_flows(Call& call);

// schedules.cpp
Response list_schedules(Call& call);
Response create_schedule(Call& call);
Response get_schedule(Call& call);
Response patch_schedule(Call& call);
Response delete_schedule(Call& call);

// previews.cpp
Response preview_schedule(Call& call);
Response preview_unsaved(Call& call);
Response upcoming(Call& call);

// jobs.cpp
Response list_batch_jobs(Call& call);
Response create_batch_job(Call& call);
Response cancel_batch_job(Call& call);
Response list_invocations(Call& call);
Response create_invocation(Call& call);
Response run_schedule(Call& call);

// calendars.cpp
Response list_calendars(Call& call);
Response create_calendar(Call& call);
Response get_calendar(Call& call);
Response patch_calendar(Call& call);
Response delete_calendar(Call& call);

// backfills.cpp
Response create_backfill(Call& call);
Response get_backfill(Call& call);
Response cancel_backfill(Call& call);

// pauses.cpp
Response get_pause(Call& call);
Response pause_project(Call& call);
Response resume_project(Call& call);

// explain.cpp
Response explain_schedule(Call& call);
Response overdue(Call& call);

// runs.cpp
Response list_runs(Call& call);
Response list_gaps(Call& call);
Response get_run(Call& call);
Response cancel_run(Call& call);
Response retry_run(Call& call);
Response list_logs(Call& call);

// metrics.cpp
Response flow_metrics(Call& call);
Response flow_metric_totals(Call& call);

// persons.cpp
Response list_persons(Call& call);
Response put_persons(Call& call);

// audience.cpp
Response user_blast_radius(Call& call);

// health.cpp
Response live(Call& call);
Response ready(Call& call);
Response prometheus_metrics(Call& call);

// openapi.cpp
Response openapi(Call& call);

}  // namespace rruled::api
