#pragma once

#include "daemon/cli/session.h"
#include "store/file_lock.h"
#include "store/survey.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

namespace rruled::cli {

// One thing that was looked at.
struct Finding {
  std::string check;  // "store", "executors.crm", ..
  bool ok = true;
  std::string detail;  // how it is
  // What to do; empty when there is nothing. With `ok` it is a warning: it works, but should not
  // stay so.
  std::string next;
};

// The daemon that has the configured store; nullopt where that cannot be told: several may have a
// PostgreSQL store. The store must be there.
[[nodiscard]] std::optional<store::FileLock::Holder> daemon_of_store(Session& session);
// "process 9742 holds the store".
[[nodiscard]] std::string daemon_text(const store::FileLock::Holder& holder);
// {"holds_store": true, "process": 9742}; without `process` when there is none, or its id is not
// known.
[[nodiscard]] boost::json::object daemon_json(const store::FileLock::Holder& holder);

// doctor_secrets.cpp: warns of files with secrets that every user may read.
void check_secrets(Session& session, std::vector<Finding>& findings);

// doctor_checks.cpp: each looks at one thing and writes nothing. The store must be open.
void check_files(Session& session, std::vector<Finding>& findings);
void check_zones(Session& session, std::vector<Finding>& findings);
void check_executors(Session& session, std::vector<Finding>& findings);
void check_daemon(Session& session, const store::Survey& survey, std::vector<Finding>& findings);
void check_disk(Session& session, std::vector<Finding>& findings);
void check_clock(Session& session,
                 store::Store& store,
                 const store::Survey& survey,
                 std::vector<Finding>& findings);
void check_schedules(Session& session,
                     store::Store& store,
                     const store::Survey& survey,
                     std::vector<Finding>& findings);
void check_server(Session& session, const store::Survey& survey, std::vector<Finding>& findings);
void check_apply(Session& session, std::vector<Finding>& findings);
void check_unserved(Session& session, store::Store& store, std::vector<Finding>& findings);
void check_commands(Session& session, store::Store& store, std::vector<Finding>& findings);
void check_waiting(Session& session, const store::Survey& survey, std::vector<Finding>& findings);
void check_tokens(Session& session, std::vector<Finding>& findings);

}  // namespace rruled::cli
