#include "store/file_lock.h"

#include "store/errors.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rruled::store {
namespace {

// A write lock on the whole file, of the open file and not of the process.
struct flock whole_file() {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

// Empty when nothing readable is there.
std::string owner_of(int fd) {
  std::array<char, 20> text{};
  const auto size = ::pread(fd, text.data(), text.size(), 0);
  std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return pid.substr(0, pid.find_first_not_of("0123456789"));
}

void write_owner(int fd) {
  const auto pid = std::to_string(::getpid()) + "\n";
  // Only for people: the lock holds without it.
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, pid.data(), pid.size(), 0);
}

}  // namespace

FileLock::FileLock(const std::string& path, const std::string& what)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (fd_ < 0) {
    const int error = errno;
    const bool forbidden = error == EACCES || error == EROFS || error == EPERM;
    const bool of_another = error == EACCES && ::access(path.c_str(), F_OK) == 0;
    throw StoreError(forbidden ? StoreError::Kind::read_only : StoreError::Kind::fault,
                     "cannot open the lock " + path + ": " + std::strerror(error) +
                         (of_another ? "; another user made it: give it to this one (chown),"
                                       " or remove it while no daemon runs on the store"
                                     : "; make its directory writable for this user"));
  }
  while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    const int error = errno;
    const auto owner = owner_of(fd_);
    ::close(fd_);
    if (error == EWOULDBLOCK)
      throw StoreError(StoreError::Kind::locked,
                       what + " is in use by another daemon" +
                           (owner.empty() ? "" : " (process " + owner + ")") +
                           ": stop that one, or give this one a store of its own");
    throw StoreError(StoreError::Kind::fault, "cannot lock " + path + ": " + std::strerror(error) +
                                                  "; put the store on a local file system");
  }
  write_owner(fd_);
  // For holder(), which may look at this one without taking it; flock(2) alone decides.
  auto seen = whole_file();
  (void)::fcntl(fd_, F_OFD_SETLK, &seen);
}

std::optional<FileLock::Holder> FileLock::holder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? std::optional(Holder{}) : std::nullopt;
  std::optional<Holder> found;
  auto seen = whole_file();
  if (::fcntl(fd, F_OFD_GETLK, &seen) == 0)
    found = seen.l_type == F_UNLCK ? Holder{} : Holder{true, owner_of(fd)};
  ::close(fd);
  return found;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace rruled::store
