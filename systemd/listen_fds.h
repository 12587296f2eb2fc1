#pragma once

#include <string>
#include <vector>

// Socket activation (sd_listen_fds(3)): sockets that the service manager opened for us.
namespace rruled::systemd {

struct ListenFd {
  int fd = -1;
  std::string name;  // of $LISTEN_FDNAMES; empty: none
};

// Those given to this process, closed on exec from now on. The variables are taken out of the
// environment, so that no child believes they are its own: call it once, before any thread.
[[nodiscard]] std::vector<ListenFd> take_listen_fds();

}  // namespace rruled::systemd
