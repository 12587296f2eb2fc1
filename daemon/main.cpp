#include "daemon/api/api_companion.h"
#include "daemon/cli/commands.h"

#include <iostream>

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  rruled::cli::Session session({std::cin, std::cout, std::cerr},
                               rruled::io::Environment::of_process(), rruled::api::make_api);
  return rruled::cli::execute(argc, argv, session);
}
