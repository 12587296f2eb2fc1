#pragma once

#include "daemon/cli/commands.h"

namespace rruled::cli {

// token create, list, revoke: who may use the HTTP API.
void add_token(Commands& commands);

}  // namespace rruled::cli
