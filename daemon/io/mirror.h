#pragma once

#include "daemon/io/clock.h"
#include "daemon/io/trouble.h"
#include "store/directory.h"
#include "store/memory_store.h"
#include "store/store.h"

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace rruled::io {

// Keeps a copy in memory of what a store would fire, so that a dry run can be the whole engine and
// write nothing: flows, schedules and unsent runs at first, then what people make and change of the
// first two, and runs that they ask for (run-now, retry). What the copy does not take is left out,
// which is said. So is, without a word: runs that are under way, or wait for one that is, so that
// overlap is judged by the copy's own alone; the end of a run by cancel; backfills, but for the
// runs that a daemon has made of them; and a retry of a run that the copy has sent already.
// One thread at a time.
class Mirror {
 public:
  // Both outlive it. `real` is only read.
  Mirror(store::Store& real, store::MemoryStore& copy, std::shared_ptr<spdlog::logger> log)
      : real_(real), copy_(copy), log_(std::move(log)), real_directory_(real.directory()) {}

  void copy_all(store::Timestamp now);
  // False: the store failed, which is said; the next call takes over what this one could not. New
  // runs may come later than they did: all that are unsent are looked at for them, which takes a
  // tenth of the time at most.
  bool follow(const Clock& clock);

 private:
  void copy_flow(store::FlowId id, store::Timestamp now);
  void copy_calendar(const store::CalendarName& name, store::Timestamp now);
  void copy_project(std::int64_t id, store::Timestamp now);
  void copy_schedule(const store::Schedule& schedule, store::Timestamp now);
  void copy_schedules(store::Timestamp now);
  void copy_run(store::Run run, store::Timestamp now);
  void copy_runs(store::Timestamp now);
  void follow_runs(const Clock& clock, store::Timestamp now);
  // `row` names it for people.
  void write(const store::ChangeSet& changes, const std::string& row, store::Timestamp now);

  store::Store& real_;
  store::MemoryStore& copy_;
  std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<store::Directory> real_directory_;
  std::int64_t revision_ = 0;
  bool runs_added_ = false;  // since they were last looked at
  std::chrono::steady_clock::time_point runs_again_at_{};
  Trouble trouble_;  // with `real`
};

}  // namespace rruled::io
