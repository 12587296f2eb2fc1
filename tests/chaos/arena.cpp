#include "tests/chaos/arena.h"

#include "daemon/core/lifecycle.h"
#include "store/open.h"

#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace rruled::test {
namespace {

using namespace std::chrono_literals;

constexpr char kAudit[] = R"sql(
CREATE FUNCTION note_stale_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.stale_writes VALUES (
    OLD.status || ' of ' || OLD.owner || ' to ' || NEW.status || ' of ' || NEW.owner || ' by '
      || current_setting('application_name'), OLD.id);
  RETURN NEW;
END $$;
CREATE TRIGGER audit AFTER UPDATE ON rruled.runs FOR EACH ROW
WHEN (NEW.fence < OLD.fence
      OR OLD.status = 'dispatching' AND OLD.owner::text <> current_setting('application_name')
         AND OLD.claimed_until > extract(epoch FROM clock_timestamp()) * 1000
      OR OLD.status IN ('completed', 'failed', 'dead', 'cancelled', 'skipped')
         AND NEW.status <> OLD.status)
EXECUTE FUNCTION note_stale_write();
)sql";

// Occurrences up to settled_to that are not accounted for exactly once.
constexpr char kUnaccounted[] = R"sql(
SELECT s.id || ': ' || expected || ' occurrences, ' || rows || ' runs of ' || distinct_rows
       || ' instants, ' || in_gaps || ' in gaps'
  FROM (SELECT s.id, (s.settled_to - s.starts_at) / 1000 + 1 AS expected,
               (SELECT count(*) FROM rruled.runs r WHERE r.schedule_id = s.id) AS rows,
               (SELECT count(DISTINCT scheduled_for) FROM rruled.runs r
                 WHERE r.schedule_id = s.id) AS distinct_rows,
               (SELECT coalesce(sum(count), 0) FROM rruled.gaps g
                 WHERE g.schedule_id = s.id) AS in_gaps
          FROM rruled.schedules s WHERE s.settled_to >= s.starts_at) s
 WHERE rows <> distinct_rows OR distinct_rows + in_gaps <> expected
)sql";

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) found.push_back(line);
  return found;
}

}  // namespace

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < 20; ++i) text += lines[i] + "\n";
  return text;
}

Arena::Arena(const std::string& postgres_settings)
    : cluster_(std::make_unique<testing::PostgresCluster>(
          testing::PostgresCluster::Options{.fsync = false, .settings = postgres_settings})) {
  (void)store::open_store({.url = cluster_->url()}, store::OpenMode::daemon);
  cluster_->sql("CREATE TABLE stale_writes (what text NOT NULL, run uuid NOT NULL)");
}

void Arena::add_schedules(std::size_t count, const std::string& rule) {
  const auto store = store::open_store({.url = cluster_->url()}, store::OpenMode::command);
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const rrule::ZoneDatabase zones;
  store::ChangeSet changes;
  store::Flow flow;
  flow.id.value = store::random_uuid_v7(now);
  flow.name = "every second";
  flow.status = store::FlowStatus::active;
  flow.trigger_type = "schedule";
  flow.created_at = flow.updated_at = now;
  changes.flows.push_back({flow, {}});
  for (std::size_t i = 0; i < count; ++i) {
    store::Schedule schedule;
    schedule.id.value = store::random_uuid_v7(now);
    schedule.flow_id = flow.id;
    schedule.rrule = rule;
    schedule.starts_at = std::chrono::floor<std::chrono::seconds>(now) + 2s;
    schedule.catchup = store::CatchupPolicy::all;
    schedule.retry.min_backoff = 200ms;
    schedule.retry.max_backoff = 2s;
    schedule.created_at = schedule.updated_at = now;
    const auto timetable = core::Timetable::compile(schedule, zones).value();
    changes.schedules.push_back({core::rescheduled(schedule, timetable, true, now).schedule, {}});
  }
  if (store->write(changes, now)) throw std::logic_error("a new schedule was in the way");
}

void Arena::pause_schedules() {
  cluster_->sql(
      "UPDATE rruled.schedule_states SET status = 'paused', next_run_at = NULL, next_due_at = NULL,"
      " version = version + 1");
}

void Arena::answer_badly(unsigned seed, std::size_t requests) {
  std::mt19937 random(seed);
  using Fault = ScriptedAnswer::Fault;
  for (std::size_t i = 0; i < requests; ++i) {
    const auto dice = random() % 1'000;
    ScriptedAnswer answer;
    if (dice < 50)
      answer.status = 500;
    else if (dice < 80)
      answer.status = 429;
    else if (dice < 115)
      answer.fault = Fault::drop_unanswered;
    else if (dice < 150)
      answer.fault = Fault::hang;
    receiver_.answer(std::move(answer));
  }
}

void Arena::audit() { cluster_->sql(kAudit); }

std::vector<std::string> Arena::unaccounted() { return lines(cluster_->sql(kUnaccounted)); }

std::vector<std::string> Arena::problems(Ended ended) {
  auto found = unaccounted();
  for (auto& line : lines(cluster_->sql("SELECT what || ': ' || run FROM stale_writes")))
    found.push_back("stale write: " + line);
  for (auto& line : problems_at_receiver()) found.push_back(line);
  if (ended == Ended::must)
    if (const auto live = number(kLiveRuns); live > 0)
      found.push_back(std::to_string(live) + " runs have not ended");
  return found;
}

std::vector<std::string> Arena::problems_at_receiver() const {
  std::vector<std::string> found;
  std::map<std::string, int> attempts;
  std::map<std::string, std::string> bodies;
  for (const auto& request : receiver_.requests()) {
    const auto key = request.header("Idempotency-Key").value_or("");
    const int attempt = std::stoi(request.header("X-Rruled-Attempt").value_or("0"));
    int& latest = attempts[key];
    if (attempt < latest)
      found.push_back(key + ": attempt " + std::to_string(attempt) + " came after " +
                      std::to_string(latest));
    latest = std::max(latest, attempt);
    if (bodies.emplace(key, request.body).first->second != request.body)
      found.push_back(key + ": two bodies");
  }
  return found;
}

std::size_t Arena::number(const std::string& select) { return std::stoul(cluster_->sql(select)); }

bool Arena::becomes_zero(const std::string& select, std::chrono::seconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (std::chrono::steady_clock::now() < deadline) {
    if (number(select) == 0) return true;
    std::this_thread::sleep_for(100ms);  // a poll of another program's state, with a deadline
  }
  return false;
}

}  // namespace rruled::test
