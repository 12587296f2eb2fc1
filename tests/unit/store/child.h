#pragma once

#include <functional>
#include <string>

namespace rruled::test {

struct ChildEnd {
  std::string said;    // what it wrote
  int exit_code = -1;  // 0 when it came to its end
  int signal = 0;      // that killed it
};

// Runs `work` in a forked process, which it gives a way to say things at once: what was said counts
// even when the process is killed. An exception is said, too, as "threw ..".
[[nodiscard]] ChildEnd run_in_child(
    const std::function<void(const std::function<void(const std::string&)>& say)>& work);

// In a child: gives up root for good, so that permissions count.
void become_nobody();

}  // namespace rruled::test
