#pragma once

#include "store/audience.h"

#include <string>

// The runs that a batch job is spread into: one for each person (semantics.md, 4 and 5). Ids and
// bytes are frozen for ever, as those of run_identity.h are. Pure.
namespace rruled::core {

// UUIDv5(job id, person id).
[[nodiscard]] store::RunId child_run_id(store::RunId job, store::PersonId person);

// Makes the children of one job. Copyable; keeps what it needs of the job.
//
//   ChildMaker make_child(job);
//   store::Run child = make_child(person, now);
//
// The body is the job's own, with `run` being the child's (`parent`: the job's id) and the person
// in it: {"run":..,"flow":..,"schedule":..,"variables":..,"person":{"distinct_id":..,
// "properties":{..}}}. A child has the job's executor, time limit and retries, and no schedule: it
// takes no slot of it.
class ChildMaker {
 public:
  explicit ChildMaker(const store::Run& job);
  [[nodiscard]] store::Run operator()(const store::Person& person, store::Timestamp now) const;

 private:
  store::Run pattern_;
  store::RunId job_;
  std::string head_;  // of the body, after the child's own id
  std::string tail_;  // after `due_at`
};

}  // namespace rruled::core
