#include "store/backup.h"

#include "store/sqlite_open.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace rruled::store {
namespace {

[[noreturn]] void refuse_backup(const std::string& target, const std::string& why, int error) {
  const auto text = error != 0 ? ": " + std::generic_category().message(error) : std::string();
  throw StoreError(StoreError::Kind::fault, "backup " + target + " " + why + text);
}

// The file while it is being written; gone unless it was kept.
class Partial {
 public:
  explicit Partial(const std::string& target) : target_(target), path_(target + ".partial") {
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
      refuse_backup(target_, "is being written, or was left half-way: remove " + path_, 0);
    if (fd < 0) refuse_backup(target_, "cannot be made", errno);
    ::close(fd);
  }
  ~Partial() {
    if (kept_) return;
    for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((path_ + suffix).c_str());
  }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;

  // On the disk, under its own name; never in place of another file.
  void keep() {
    sync(path_, O_RDONLY);
    if (::link(path_.c_str(), target_.c_str()) != 0)
      refuse_backup(target_, "cannot be given its name", errno);
    kept_ = true;
    ::unlink(path_.c_str());
    sync(std::filesystem::absolute(target_).parent_path().string(), O_RDONLY | O_DIRECTORY);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void sync(const std::string& path, int flags) const {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    const bool done = fd >= 0 && ::fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!done) refuse_backup(target_, "cannot be brought to the disk", error);
  }

  std::string target_;
  std::string path_;
  bool kept_ = false;
};

// Checks what VACUUM made, and gives it a write-ahead log, as stores have it: to get one later it
// would have to be open nowhere else, so that whoever only looks at the backup keeps it from use.
void check_copy(const std::string& path, const std::string& target) {
  {
    SQLite::Database copy(path, SQLite::OPEN_READWRITE);
    const std::string found = copy.execAndGet("PRAGMA quick_check(1)").getString();
    if (found != "ok")
      throw StoreError(StoreError::Kind::corrupt, "backup " + target + " is damaged: " + found);
    // Locked alone, a log needs no shared memory, which a folder for backups may not have.
    copy.exec("PRAGMA locking_mode = EXCLUSIVE");
    const std::string mode = copy.execAndGet("PRAGMA journal_mode = WAL").getString();
    if (mode != "wal")
      refuse_backup(target, "cannot have a write-ahead log (journal mode is " + mode + ")", 0);
  }
  // Whoever closes the file last takes the log into it.
  if (std::filesystem::exists(path + "-wal"))
    refuse_backup(target, "is not whole without " + path + "-wal: somebody has it open", 0);
}

}  // namespace

std::uintmax_t back_up_sqlite(const std::string& path, const std::string& target) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, error)))
    throw StoreError(StoreError::Kind::fault,
                     "backup " + target + " is there already: choose another name, or remove it");
  SqliteOptions options;
  options.even_if_moved = true;
  options.even_if_older = true;  // a backup is wanted before the upgrade
  auto opened = connect_sqlite(path, OpenMode::read_only, options);
  Partial partial(target);
  opened.connection->guarded([&] {
    SQLite::Statement vacuum(opened.connection->database(), "VACUUM INTO ?");
    vacuum.bind(1, partial.path());
    vacuum.exec();
  });
  check_copy(partial.path(), target);
  partial.keep();
  return std::filesystem::file_size(target);
}

}  // namespace rruled::store
