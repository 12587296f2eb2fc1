#pragma once

#include <optional>
#include <string>
#include <utility>

namespace rruled::store {

// An exclusive lock on a file, held for the life of the object or of the process, whichever ends
// first. The file holds the process id of the owner and stays when the lock is given up.
class FileLock {
 public:
  // Throws StoreError: locked when another process has it, read_only or fault when the file cannot
  // be made. `what` is named in messages.
  FileLock(const std::string& path, const std::string& what);
  ~FileLock();

  struct Holder {
    bool held = false;
    std::string process{};  // its id, as it wrote it; empty when nothing readable is there
  };
  // Who has the lock now; nullopt where this user cannot tell. Takes nothing: whoever begins at
  // this moment gets the lock. Makes no file.
  [[nodiscard]] static std::optional<Holder> holder(const std::string& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace rruled::store
