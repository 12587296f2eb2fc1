#include "daemon/cli/doctor.h"

#include "daemon/cli/commands.h"
#include "daemon/cli/output.h"
#include "store/copy.h"
#include "store/errors.h"

#include <algorithm>
#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

// The store, and what is in it where it can be opened.
void check_store(Session& session, std::vector<Finding>& findings) {
  const auto& config = session.config().store;
  try {
    store::Store& store = session.store_to_read();
    findings.push_back({"store",
                        true,
                        config.url + ", schema " +
                            std::to_string(store::schema_steps(config.location.url)) +
                            " as this program has it",
                        {}});
    const auto moved_to = store::moved_to(config.location);
    if (store::is_incomplete_copy(moved_to))
      findings.push_back({"store", false, "it is an " + moved_to + ": no daemon starts on it",
                          "make that copy again, by rruled store copy; or give it up: rruled store"
                          " reopen " +
                              config.location.url});
    else if (!moved_to.empty())
      findings.push_back({"store", false,
                          "it was moved to " + moved_to + ": no daemon starts on it",
                          "set store.url to the new one; or give that up: rruled store reopen " +
                              config.location.url});
    const auto survey = store::survey(store, session.now());
    check_daemon(session, survey, findings);
    check_clock(session, store, survey, findings);
    check_server(session, survey, findings);
    check_schedules(session, store, survey, findings);
    check_unserved(session, store, findings);
    check_commands(session, store, findings);
    check_waiting(session, survey, findings);
    check_tokens(session, findings);
  } catch (const Failure& none_yet) {
    findings.push_back({"store", false, none_yet.what(), "make it, or correct store.url"});
  } catch (const store::StoreError& error) {
    findings.push_back({"store", false, error.what(),
                        "make the store reachable, then run doctor again: what is in it was not"
                        " looked at"});
  }
}

std::vector<Finding> examine(Session& session) {
  std::vector<Finding> findings;
  check_files(session, findings);
  check_secrets(session, findings);
  check_store(session, findings);
  check_apply(session, findings);
  check_disk(session, findings);
  check_zones(session, findings);
  check_executors(session, findings);
  return findings;
}

void print(Session& session, const std::vector<Finding>& findings, Format format) {
  if (format == Format::json) {
    boost::json::array items;
    for (const auto& each : findings)
      items.push_back(boost::json::object{
          {"check", each.check}, {"ok", each.ok}, {"detail", each.detail}, {"next", each.next}});
    print_list(session.out(), format, items);
    return;
  }
  for (const auto& each : findings) {
    const char* sign = !each.ok ? "[-] " : each.next.empty() ? "[+] " : "[!] ";
    session.out() << sign << each.check << ": " << clean_lines(each.detail) << '\n';
    if (!each.next.empty()) session.out() << "    " << clean_lines(each.next) << '\n';
  }
}

}  // namespace

void add_doctor(Commands& commands) {
  auto format = std::make_shared<Format>(Format::table);
  auto* command =
      add_command(commands, &commands.root,
                  {"doctor",
                   "Looks at what the daemon needs, and says what is wrong and what to do next",
                   {"rruled doctor", "rruled doctor --format json --config /etc/rruled.toml"}});
  add_format(command, *format, false);
  when_chosen(commands, command, [&commands, format] {
    const auto findings = examine(commands.session);
    print(commands.session, findings, *format);
    return std::ranges::all_of(findings, &Finding::ok) ? 0 : kRefused;
  });
}

}  // namespace rruled::cli
