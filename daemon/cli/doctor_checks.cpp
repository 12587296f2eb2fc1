#include "daemon/cli/apply.h"
#include "daemon/cli/doctor.h"
#include "daemon/cli/foreign.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/duration.h"
#include "daemon/core/lifecycle.h"
#include "daemon/core/run_identity.h"
#include "daemon/io/probe.h"
#include "daemon/io/program.h"
#include "daemon/io/url_template.h"
#include "daemon/io/zone_folder.h"
#include "store/sqlite_file.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

namespace rruled::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kSkewMax{2'000};
constexpr milliseconds kConnectTimeout{3'000};
constexpr milliseconds kClaimTtlShort{15'000};
constexpr std::chrono::days kTokenWarning{14};
constexpr std::uintmax_t kFreeMin = std::uintmax_t{256} << 20U;
constexpr std::size_t kNamed = 5;  // of a long list, so many are named

constexpr const char* kStartOne = "start the daemon (systemctl start rruled, or rruled run)";

// Nullopt: whether a daemon has the store is not known.
std::string advice_on_overdue(const std::optional<store::FileLock::Holder>& holder) {
  if (holder && !holder->held) return kStartOne;
  return std::string(holder ? "" : "is a daemon running (rruled healthcheck)? ") +
         "While all slots of its executor are taken, an occurrence waits up to 10 s,"
         " or half its catchup_grace, before it becomes a run: if that lasts,"
         " raise executors.NAME.max_in_flight";
}

std::string mebibytes(std::uintmax_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

// "2025b" -> 2025
std::optional<int> year_of(const std::string& version) {
  int year = 0;
  const auto read = std::from_chars(version.data(), version.data() + version.size(), year);
  if (read.ec != std::errc() || year < 1990 || year > 2200) return std::nullopt;
  return year;
}

Finding check_http(const std::string& check, const io::ExecutorConfig& executor) {
  const bool api = !executor.base_url.empty();
  const auto url = io::UrlTemplate::parse(api ? executor.base_url : executor.url, "url");
  if (!url) return {check, false, url.error().detail, "correct its URL"};
  const std::string where = url->host() + ":" + std::to_string(url->port());
  const auto why = io::why_unreachable(url->host(), url->port(), kConnectTimeout);
  if (why.empty()) return {check, true, where + " accepts connections", {}};
  return {check, false, where + ": " + why,
          "start what listens there, or correct " + check + (api ? ".base_url" : ".url") +
              "; runs are tried again until their retry policy ends"};
}

Finding check_command(const std::string& check, const io::ExecutorConfig& executor) {
  const std::string& program = executor.argv.front();
  const auto why = io::why_no_program(program);
  if (why.empty()) return {check, true, program + " can be run", {}};
  return {check, false, why, "install it, or correct " + check + ".argv"};
}

}  // namespace

void check_files(Session& session, std::vector<Finding>& findings) {
  const auto errors = io::check_named_files(session.config());
  for (const auto& each : errors)
    findings.push_back({"configuration", false, io::to_string(each),
                        "correct it; the daemon does not start, or does not take it at a reload"});
  if (errors.empty())
    findings.push_back({"configuration",
                        true,
                        count_of(session.config().sources.size(), "file") + " read, and what they"
                                                                            " name can be used",
                        {}});
}

void check_zones(Session& session, std::vector<Finding>& findings) {
  const auto& zones = session.zones();
  const std::string folder = zones.folder().string();
  if (auto why = io::why_no_zones(zones); !why.empty()) {
    findings.push_back(
        {"tzdata", false, std::move(why), "install the package tzdata, or set tzdata.directory"});
    return;
  }
  const std::string version = zones.version();
  const auto year = year_of(version);
  const int now = static_cast<int>(
      std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(session.now())).year());
  if (year && now - *year >= 2)
    findings.push_back({"tzdata", false,
                        "version " + version + " in " + folder + " is of " +
                            std::to_string(now - *year) + " years ago: rules have changed since",
                        "update the package tzdata, then send the daemon SIGHUP"});
  else
    findings.push_back({"tzdata", true, "version " + version + " in " + folder, {}});
}

void check_executors(Session& session, std::vector<Finding>& findings) {
  for (const auto& each : session.config().executors) {
    const std::string check = "executors." + each.name;
    if (each.type == io::ExecutorType::http)
      findings.push_back(check_http(check, each));
    else if (each.type == io::ExecutorType::command)
      findings.push_back(check_command(check, each));
    else
      findings.push_back({check, true, "only writes a line", {}});
  }
}

std::optional<store::FileLock::Holder> daemon_of_store(Session& session) {
  const auto& file = session.config().store.sqlite_file;
  if (file.empty()) return std::nullopt;
  return store::FileLock::holder(store::lock_path(store::inspect_sqlite_file(file, false)));
}

std::string daemon_text(const store::FileLock::Holder& holder) {
  if (!holder.held) return "none runs";
  return (holder.process.empty() ? "one" : "process " + holder.process) + " holds the store";
}

boost::json::object daemon_json(const store::FileLock::Holder& holder) {
  boost::json::object object{{"holds_store", holder.held}};
  std::int64_t process = 0;
  const auto& text = holder.process;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, process);
  if (holder.held && read.ec == std::errc() && read.ptr == end) object["process"] = process;
  return object;
}

// None is no mistake while nothing is late: the command line works without one.
void check_daemon(Session& session, const store::Survey& survey, std::vector<Finding>& findings) {
  const auto holder = daemon_of_store(session);
  if (!holder) return;
  const bool missed = !holder->held && (survey.overdue > 0 || survey.overdue_runs > 0);
  findings.push_back({"daemon", !missed, daemon_text(*holder), missed ? kStartOne : ""});
}

void check_disk(Session& session, std::vector<Finding>& findings) {
  const auto& file = session.config().store.sqlite_file;
  if (file.empty()) return;
  struct statvfs disk {};
  if (::statvfs(file.parent_path().c_str(), &disk) != 0) return;  // said by the store's finding
  const auto free = static_cast<std::uintmax_t>(disk.f_bavail) * disk.f_frsize;
  std::error_code error;
  auto size = fs::file_size(file, error);
  if (error) size = 0;
  const std::string detail = mebibytes(free) + " free beside a store of " + mebibytes(size);
  // A write-ahead log, a backup or a migration may need as much again as the store.
  if (free < std::max(kFreeMin, size))
    findings.push_back({"disk", false, detail,
                        "make room in " + file.parent_path().string() +
                            ", or shorten retention.runs and retention.logs"});
  else
    findings.push_back({"disk", true, detail, {}});
}

void check_clock(Session& session,
                 store::Store& store,
                 const store::Survey& survey,
                 std::vector<Finding>& findings) {
  const auto before = session.now();
  const auto there = store.clock();
  const auto now = session.now();
  if (there) {
    const auto skew = *there - (before + (now - before) / 2);
    const std::string detail = "the database's is " + core::duration_text(std::chrono::abs(skew)) +
                               (skew.count() < 0 ? " behind" : " ahead of") + " this machine's";
    if (std::chrono::abs(skew) > kSkewMax)
      findings.push_back({"clock", false, detail,
                          "have both machines' clocks set by NTP (timedatectl set-ntp true)"});
    else
      findings.push_back({"clock", true, detail, {}});
    return;
  }
  const auto& high_water = survey.high_water;
  if (high_water && *high_water > now + kSkewMax)
    findings.push_back({"clock", false,
                        "it says " + core::rfc3339(now) + ", but the store was written at " +
                            core::rfc3339(*high_water),
                        "set the clock (timedatectl set-ntp true); nothing fires twice meanwhile"});
  else
    findings.push_back({"clock", true, "not behind the store's last write", {}});
}

void check_server(Session& session, const store::Survey& survey, std::vector<Finding>& findings) {
  const auto& config = session.config().store;
  const auto ttl = config.location.claim_ttl;
  if (config.sqlite_file.empty() && ttl < kClaimTtlShort)
    findings.push_back({"claim_ttl", true,
                        core::duration_text(ttl) + ": whoever waits for a lock may wait for 5 s",
                        "set store.claim_ttl to " + core::duration_text(kClaimTtlShort) +
                            " or more: what lapses meanwhile is sent again"});
  if (survey.set_numbers.empty()) return;
  std::string next = "as the owner of the schema:";
  for (const auto& each : survey.set_numbers) next += " " + each + ";";
  findings.push_back({"numbers", false,
                      "new rows would get numbers that others have,"
                      " as after a restore without sequences: nothing fires",
                      next});
}

void check_schedules(Session& session,
                     store::Store& store,
                     const store::Survey& survey,
                     std::vector<Finding>& findings) {
  const auto in_error =
      survey.schedules[static_cast<std::size_t>(store::ScheduleStatus::error)].second;
  std::string named;
  for (const auto& row : store.schedules({.status = store::ScheduleStatus::error, .limit = kNamed}))
    named += "; " + to_string(row.id) + ": " + row.status_reason;
  if (in_error > 0)
    findings.push_back({"schedules", false, count_of(in_error, "schedule") + " set aside" + named,
                        "change each (rruled schedule show ID, update ID),"
                        " or send SIGHUP where tzdata was at fault"});
  else
    findings.push_back({"schedules", true, "none is set aside", {}});
  if (survey.overdue > 0)
    findings.push_back({"overdue", false,
                        count_of(survey.overdue, "schedule") + " late, the first since " +
                            core::rfc3339(*survey.overdue_since),
                        advice_on_overdue(daemon_of_store(session)) +
                            "; `rruled schedule list --overdue` names them"});
  else
    findings.push_back({"overdue", true, "nothing is late", {}});
  named.clear();
  for (const auto& id : survey.settled_ahead_ids) named += " " + to_string(id);
  if (survey.settled_ahead > 0)
    findings.push_back(
        {"settled_to", false,
         count_of(survey.settled_ahead, "schedule") +
             " settled to more than a day ahead of now, so silent until then:" + named,
         "the clock was wrong once: rruled schedule recompute --all takes it back"});
  else
    findings.push_back({"settled_to", true, "not ahead of the clock", {}});
}

// Commands that nothing runs. Where their executor only writes them down, each of their runs looks
// as if it had worked.
void check_commands(Session& session, store::Store& store, std::vector<Finding>& findings) {
  std::set<store::FlowId> carry;
  for (const auto& flow : all_flows(store))
    if (has_command(flow) && core::can_fire(flow.status, flow.trigger_type)) carry.insert(flow.id);
  if (carry.empty()) return;
  struct Idle {
    CommandFate fate;
    const char* why;
    std::uint64_t count = 0;
    std::string named{};
  };
  std::array<Idle, 2> idle{
      {{CommandFate::logged, "is of type \"log\" and runs nothing"},
       {CommandFate::waits, "is not in the configuration here, so that their runs wait"}}};
  for (const auto& row : all_schedules(store)) {
    if (row.status == store::ScheduleStatus::completed || !carry.contains(row.flow_id)) continue;
    const auto fate = fate_of_command(session, row.executor);
    for (auto& each : idle)
      if (each.fate == fate && ++each.count <= kNamed) each.named += " " + to_string(row.id);
  }
  for (const auto& each : idle)
    if (each.count > 0)
      findings.push_back(
          {"commands", false,
           count_of(each.count, "schedule") +
               " of flows with a command in the variable `command`, whose executor " + each.why +
               ":" + each.named,
           "configure an executor of type \"command\","
           " and name it by `rruled schedule update ID --executor NAME`"});
}

// What [store] apply names, as a start would take it; where the store does not answer, without it.
void check_apply(Session& session, std::vector<Finding>& findings) {
  const auto& path = session.config().store.apply;
  std::error_code error;
  if (path.empty() || !fs::exists(path, error)) return;  // check_files() says so
  try {
    try {
      auto& store = session.store_to_try();
      (void)apply_files(store, path, {.dry_run = true}, session.rules(), session.clock());
    } catch (const store::StoreError&) {
      refuse_wrong_files(session, path);
    }
    findings.push_back({"apply", true, path.string() + " can be applied", {}});
  } catch (const Failure& failure) {
    findings.push_back(
        {"apply", false, failure.what(),
         "correct it; the daemon does not start until then (rruled apply --dry-run " +
             path.string() + ")"});
  }
}

// Active schedules whose runs no daemon of this configuration would take; on PostgreSQL one of
// another configuration may. Of commands check_commands() tells.
void check_unserved(Session& session, store::Store& store, std::vector<Finding>& findings) {
  std::set<store::FlowId> firing;
  for (const auto& flow : all_flows(store))
    if (core::can_fire(flow.status, flow.trigger_type) && !has_command(flow))
      firing.insert(flow.id);
  std::set<std::string> known;
  for (const auto& each : session.config().executors) known.insert(each.name);
  struct Unserved {
    std::uint64_t count = 0;
    std::string named{};
  };
  std::map<std::string, Unserved> unserved;
  for (const auto& row : all_schedules(store, {.status = store::ScheduleStatus::active})) {
    if (known.contains(row.executor) || !firing.contains(row.flow_id)) continue;
    auto& of = unserved[row.executor];
    if (++of.count <= kNamed) of.named += " " + to_string(row.id);
  }
  const bool alone = !session.config().store.sqlite_file.empty();
  for (const auto& [name, of] : unserved)
    findings.push_back(
        {"executors", !alone,
         count_of(of.count, "active schedule") + (of.count == 1 ? " names" : " name") +
             " executors." + name + ", which is not in this configuration:" + of.named,
         std::string(alone ? "their runs wait: add" : "if no other daemon has it, add") +
             " [executors." + name +
             "], or name another by `rruled schedule update ID --executor NAME`"});
}

// Runs that are in the ledger and that no daemon takes.
void check_waiting(Session& session, const store::Survey& survey, std::vector<Finding>& findings) {
  if (survey.overdue_runs == 0) {
    findings.push_back({"waiting", true, "no run waits though it is late", {}});
    return;
  }
  std::string named;
  std::string here;
  std::string elsewhere;
  for (const auto& [name, count] : survey.overdue_runs_by_executor) {
    const bool known = std::ranges::any_of(session.config().executors,
                                           [&](const auto& each) { return each.name == name; });
    named += (named.empty() ? "" : ", ") + std::to_string(count) + " for " + name +
             (known ? "" : " (not in this configuration)");
    (known ? here : elsewhere) += " " + name;
  }
  const auto holder = daemon_of_store(session);
  std::string next = holder && !holder->held ? std::string(kStartOne) + "; " : std::string();
  if (!elsewhere.empty())
    next += "a daemon must have in its configuration [executors.NAME] for:" + elsewhere + "; ";
  if (!here.empty())
    next +=
        "if they stay: what it sends to must answer (log line \"executor NAME: nobody answers\"),"
        " or raise executors.NAME.max_in_flight, for:" +
        here + "; ";
  findings.push_back({"waiting", false,
                      count_of(survey.overdue_runs, "run") + " late and not begun since " +
                          core::rfc3339(*survey.overdue_runs_since) + ": " + named,
                      next + "`rruled runs list --status pending` names them"});
}

void check_tokens(Session& session, std::vector<Finding>& findings) {
  const auto now = session.now();
  std::size_t good = 0;
  bool all_well = true;
  for (const auto& each : session.directory().tokens()) {
    if (each.revoked_at || (each.expires_at && *each.expires_at <= now)) continue;
    ++good;
    if (!each.expires_at || *each.expires_at > now + kTokenWarning) continue;
    all_well = false;
    findings.push_back({"tokens", false,
                        (each.name.empty() ? to_string(each.id) : each.name) + " expires at " +
                            core::rfc3339(*each.expires_at),
                        "make another (rruled token create), give it to whoever uses this one"});
  }
  if (all_well)
    findings.push_back(
        {"tokens", true, count_of(good, "token") + " valid, none expires within 14 days", {}});
}

}  // namespace rruled::cli
