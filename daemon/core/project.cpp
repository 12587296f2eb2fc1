#include "daemon/core/project.h"

#include "daemon/core/time_text.h"

namespace rruled::core {
namespace {

namespace json = boost::json;

json::value catch_up_of(const store::Project& row) {
  if (!row.resumed_at) return nullptr;
  if (!row.catch_up) return json::value(store::word(CatchUp::none));
  // Its words are those of CatchUp.
  return json::value(row.resume_catchup ? store::word(*row.resume_catchup)
                                        : store::word(CatchUp::policy));
}

}  // namespace

void pause(store::Project& row, Timestamp now) {
  if (row.paused()) return;
  row.paused_at = now;
  row.resumed_at.reset();
  row.catch_up = false;
  row.resume_catchup.reset();
}

void resume(store::Project& row, CatchUp catch_up, Timestamp now) {
  if (!row.paused()) return;
  row.resumed_at = now;
  row.catch_up = catch_up != CatchUp::none;
  row.resume_catchup = other_policy(catch_up);
}

json::object to_json(const store::Project& row) {
  return {{"paused", row.paused()},
          {"paused_at", time_or_null(row.paused_at)},
          {"resumed_at", time_or_null(row.resumed_at)},
          {"catch_up", catch_up_of(row)},
          {"note", row.note}};
}

}  // namespace rruled::core
