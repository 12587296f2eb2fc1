#include "daemon/cli/commands.h"
#include "daemon/core/duration.h"
#include "daemon/io/probe.h"

#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

struct HealthcheckOptions {
  bool live = false;
  std::string at;  // empty: where the configuration says
  std::string timeout = "5s";
};

int ask(Session& session, const HealthcheckOptions& options) {
  const auto timeout = core::parse_duration(options.timeout);
  if (!timeout || timeout->count() <= 0)
    throw Failure(kUsage,
                  "--timeout: must be a duration such as 5s, not \"" + options.timeout + "\"");
  std::string listen = options.at;
  bool tls = false;
  // With an address no file is read: one that was spoiled does not make the daemon look ill.
  if (listen.empty()) listen = session.config().health.listen;
  if (listen.empty()) {
    listen = session.config().api.listen;
    tls = !session.config().api.tls_certificate.empty();
  }
  if (listen.empty())
    throw Failure(kRefused,
                  "nothing to ask: the daemon listens nowhere; set health.listen or api.listen,"
                  " or say --at ADDRESS:PORT");
  const auto answer = io::ask_health(listen, tls, options.live ? "/livez" : "/readyz", *timeout);
  const char* good = options.live ? "alive" : "ready";
  session.out() << (answer.ok ? std::string(good) : "not " + std::string(good) + ": " + answer.text)
                << '\n';
  return answer.ok ? 0 : kRefused;
}

}  // namespace

void add_healthcheck(Commands& commands) {
  auto options = std::make_shared<HealthcheckOptions>();
  auto* command =
      add_command(commands, &commands.root,
                  {"healthcheck",
                   "Asks the daemon that runs whether it is ready: exit 0, or 1 with the reason",
                   {"rruled healthcheck", "rruled healthcheck --live --timeout 2s",
                    "rruled healthcheck --at unix:/run/rruled/api.sock"}});
  command->add_flag("--live", options->live, "Ask whether its loop turns (/livez) instead");
  command
      ->add_option("--at", options->at,
                   "The listener (default: health.listen, else api.listen); without TLS")
      ->type_name("ADDRESS");
  command->add_option("--timeout", options->timeout, "How long to wait (default: 5s)")
      ->type_name("DURATION");
  when_chosen(commands, command, [&commands, options] { return ask(commands.session, *options); });
}

}  // namespace rruled::cli
