#pragma once

#include "store/cancel_result.h"
#include "store/directory.h"
#include "store/person_filter.h"
#include "store/store.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Persons, and batch jobs that reach them: beside the daemon's own contract (store.h).
//
// A job (a run of kind batch_job) is spread over its audience by the daemon that holds its claim:
// open_job(), then fan_out() page by page, each page written in one transaction with the job's
// cursor in it, until the run is `running` and nobody's. It ends by end_jobs() once its last child
// has ended.
namespace rruled::store {

using PersonId = Id<struct PersonTag>;

struct Person {
  PersonId id;
  std::int64_t project_id = 1;
  std::string distinct_id;        // unique in a project
  std::string properties = "{}";  // JSON object
  Timestamp created_at;
  Timestamp updated_at;

  friend bool operator==(const Person&, const Person&) = default;
};
struct PersonPut {
  Person person;                    // its id counts when the project has nobody of this distinct_id
  std::vector<PersonValue> values;  // of the properties; no key twice
  bool keep = false;                // who is there keeps the properties that he has: none are given
};
struct PersonsPut {
  std::size_t created = 0;
  std::size_t updated = 0;

  friend bool operator==(const PersonsPut&, const PersonsPut&) = default;
};
struct PersonQuery {
  std::int64_t project_id = 1;
  std::optional<PersonId> id{};
  std::optional<std::string> distinct_id{};
};
// Asked between one person that is looked at and the next; false: no further one now. None: on to
// the end. So what a filter costs is bounded in time, but for one person: see kPersonWorkMax.
using GoOn = std::function<bool()>;

struct AudienceSize {
  std::size_t affected = 0;
  std::size_t total = 0;  // persons of the project

  friend bool operator==(const AudienceSize&, const AudienceSize&) = default;
};

// ---- Jobs ---------------------------------------------------------------------------------------

enum class JobState { spreading, spread, ended };
template <>
inline constexpr std::array<std::string_view, 3> kWords<JobState>{"spreading", "spread", "ended"};

// What a job keeps beside its run.
struct Job {
  RunId run_id;
  JobState state = JobState::spreading;
  // Frozen when the job is first opened: the flow's trigger of then, and the time by which its
  // relative dates are read. So a job that is resumed goes on with the audience it began with.
  std::string trigger_config;
  Timestamp opened_at;
  std::optional<PersonId> cursor{};  // everybody up to here was looked at
  std::int64_t enqueued = 0;         // persons that have a child
  bool truncated = false;            // there were more than max_audience
  // How it shall end once what was sent has ended: `cancelled` or `failed`. Absent: as its children
  // did.
  std::optional<RunStatus> ending{};
  std::string reason{};
  std::int64_t done = 0;    // completed children; counted when the job ends
  std::int64_t failed = 0;  // failed and dead ones; the same

  friend bool operator==(const Job&, const Job&) = default;
};

// A job's run as its claimant holds it.
struct JobClaim {
  RunId run_id;
  std::int64_t fence = 0;
  Claimant claimant;
};

struct FanOut {
  JobClaim claim;
  PersonFilter filter;
  std::size_t page = 500;       // children at most
  std::size_t look_at = 5'000;  // persons that are looked at, at most
  std::size_t max_audience = 500'000;
  GoOn go_on{};  // else the page ends with the person that was looked at
};
struct FannedOut {
  enum class Kind {
    more,    // go on
    spread,  // through, or stopped: the run is `running` and its claim is given up
    lost     // the claim is somebody else's, or the run is gone: nothing was written
  };
  Kind kind = Kind::more;
  std::size_t added = 0;     // children
  std::optional<Job> job{};  // afterwards
};
// The child for a person: `pending`, due and available at `now` (the store's clock), with parent_id
// and body. Pure.
using MakeChild = std::function<Run(const Person&, Timestamp now)>;

struct EndJobs {
  std::optional<RunId> only{};   // this one; absent: all
  std::optional<RunId> after{};  // exclusive, in order of id
  std::size_t limit = 1'000;     // jobs that are looked at
  std::size_t cancel = 1'000;    // unsent children that are cancelled, of each job that is ending
};
struct EndedJob {
  Run run;  // afterwards
  Job job;
  bool released = false;  // a waiting run of the same schedule became pending
};
struct EndedJobs {
  std::vector<EndedJob> ended{};
  std::size_t open = 0;         // looked at, still to be ended
  std::size_t cancelled = 0;    // children
  std::optional<RunId> next{};  // there are more: ask again after this one
};

// In the order asked for; a run that is no job of ours is left out.
struct JobProgress {
  RunId run_id;
  std::optional<std::int64_t> total{};  // absent: still spreading
  std::int64_t enqueued = 0;
  std::int64_t done = 0;
  std::int64_t failed = 0;
  bool truncated = false;
  std::string trigger_config{};  // that it began with

  friend bool operator==(const JobProgress&, const JobProgress&) = default;
};

// Used from one thread at a time. Faults are StoreErrors; each method is one transaction, except
// fan_out(), which reads before it writes, and end_jobs(), which is one for each job.
class Audience {
 public:
  virtual ~Audience() = default;
  Audience() = default;
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  // Made, or their properties replaced whole unless `keep`, by distinct_id; of one that comes twice
  // the last that does not `keep` counts.
  virtual PersonsPut put_persons(const std::vector<PersonPut>& persons,
                                 const AuditEntry& entry,
                                 Timestamp now) = 0;
  // In order of id.
  [[nodiscard]] virtual Page<Person> persons(const PersonQuery& query, PageRange range) = 0;
  // Absent: `go_on` said no. StoreError invalid: see kPersonWorkMax.
  [[nodiscard]] virtual std::optional<AudienceSize> size(std::int64_t project_id,
                                                         const PersonFilter& filter,
                                                         const GoOn& go_on = {}) = 0;

  // The job of a run that the claimant holds; absent: it does not. One that has ended (its run is
  // replayed) begins again.
  [[nodiscard]] virtual std::optional<Job> open_job(const JobClaim& claim, Timestamp now) = 0;
  // The next page of an open job. Stops for good when the flow is not active any more or does not
  // have the trigger `batch`, and when the job is to end. Persons are looked at on one state of the
  // store, before the transaction that writes their children: what they become meanwhile comes too
  // late for this job. StoreError invalid: see kPersonWorkMax, or a child that is none of the job.
  [[nodiscard]] virtual FannedOut fan_out(const FanOut& request,
                                          const MakeChild& make_child,
                                          Timestamp now) = 0;
  // Ends jobs that are spread and have no live child: completed, failed when a child failed or is
  // dead, or as their `ending` says. Cancels the unsent children of those that are ending, and of
  // those whose run was ended by others. The daemons see it when a run was released.
  [[nodiscard]] virtual EndedJobs end_jobs(const EndJobs& request, Timestamp now) = 0;
  // Counts the children of jobs that have not ended.
  [[nodiscard]] virtual std::vector<JobProgress> progress(const std::vector<RunId>& ids) = 0;
  // In the order asked for, as progress() has them; nothing is counted.
  [[nodiscard]] virtual std::vector<Job> jobs(const std::vector<RunId>& ids) = 0;

  // Has a job that a daemon is spreading, or that is spread, end as `cancelled`: fan_out() stops,
  // and end_jobs() cancels its unsent children and ends it. `entry` is written with that.
  // `missing`: no run, or no job that was opened since it was ordered or replayed. What waits to be
  // claimed is Directory::cancel_run()'s, opened or not: end_jobs() cancels the children it leaves.
  [[nodiscard]] virtual CancelResult cancel_job(RunId id,
                                                const std::string& reason,
                                                const std::optional<AuditEntry>& entry,
                                                Timestamp now) = 0;
};

// ---- What the stores decide alike ----

// Throws StoreError invalid.
void validate(const std::vector<PersonPut>& persons);
// What counts of each, by project and distinct_id.
using PersonsByName = std::map<std::pair<std::int64_t, std::string>, const PersonPut*>;
[[nodiscard]] PersonsByName by_name(const std::vector<PersonPut>& persons);
void validate_child(const Run& child, const Run& job);
struct ChildCounts {
  std::int64_t unsent = 0;  // waiting, pending, retrying
  std::int64_t sent = 0;    // dispatching, running
  std::int64_t done = 0;
  std::int64_t failed = 0;
};
// A job whose run somebody wished cancelled before it was opened ends so.
void heed_wish(const Run& run, Job& job);
void count(ChildCounts& counts, RunStatus status, std::int64_t runs);
[[nodiscard]] JobProgress progress_of(const Job& job, const ChildCounts& counts);
// How a job without live children ends: status and reason of its run.
struct JobEnd {
  RunStatus status = RunStatus::completed;
  std::string reason;
  std::string error;
  LogEntry line;
};
[[nodiscard]] JobEnd end_of(const Job& job, FlowId flow, const ChildCounts& counts, Timestamp now);
// What the log of the run says when the fan-out is through.
[[nodiscard]] LogEntry spread_line(const Job& job, FlowId flow, Timestamp now);
// The persons of one page.
struct FanOutPage {
  std::vector<Person> matched{};        // in order of id
  std::optional<PersonId> looked_to{};  // the last one that was looked at; absent: the end of all
};
// True when the page must end here, though there are more persons.
[[nodiscard]] bool ends_page(const FanOut& request, std::size_t looked, bool full);
// How many children the next page may have: the cap; one more is asked for to know of a
// truncation.
[[nodiscard]] std::size_t page_size(const FanOut& request, const Job& job);
// What was looked at before the transaction that writes, from the job's cursor of then on.
struct LookedPage {
  std::optional<PersonId> after{};
  FanOutPage page{};
};
// What the next page makes of a job whose claim is held: the persons that get a child, none beyond
// the cap, and `job` moved on; state `spread` when that was the last page, or it is stopped: its
// flow does not fire any more, or it is to end. Absent: nothing is to be written, and the next page
// looks again, as nothing was looked at or the job has moved since.
[[nodiscard]] std::optional<std::vector<Person>> plan_page(std::optional<LookedPage> looked,
                                                           bool flow_fires,
                                                           const FanOut& request,
                                                           Job& job);

}  // namespace rruled::store
