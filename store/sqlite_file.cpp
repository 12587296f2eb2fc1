#include "store/sqlite_file.h"

#include "store/errors.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace rruled::store {
namespace {

using Kind = StoreError::Kind;

[[noreturn]] void fail(Kind kind, const std::string& path, const std::string& why) {
  throw StoreError(kind, "store " + path + ": " + why);
}

bool may(const std::string& path, int access) {
  return ::faccessat(AT_FDCWD, path.c_str(), access, AT_EACCESS) == 0;
}

// Throws when `path` cannot be read, or written, by this user.
void check_access(const std::string& path, int access, const std::string& store) {
  if (may(path, access)) return;
  const int error = errno;
  const std::string why = path + ": " + std::strerror(error);
  if (error == EROFS)
    fail(Kind::read_only, store, why + "; put the store on a file system that can be written");
  const bool reading = (access & W_OK) == 0;
  fail(reading ? Kind::unavailable : Kind::read_only, store,
       why + "; run as the user that owns the store, or give this one access");
}

void check_file_system(const std::string& directory, const std::string& store) {
  struct statfs info {};
  if (::statfs(directory.c_str(), &info) != 0) return;
  if (is_network_filesystem(static_cast<long>(info.f_type)))
    fail(Kind::fault, store,
         directory +
             " is on a network file system, where locks do not hold between machines; use a local"
             " disk, or PostgreSQL");
}

void check_directory(const std::string& directory, const std::string& store) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) == 0) return;
  const int error = errno;
  if (error == ENOENT)
    fail(Kind::unavailable, store,
         "its directory does not exist; create it (mkdir -p " + directory +
             ") or correct [store] url");
  fail(Kind::unavailable, store,
       directory + ": " + std::strerror(error) + "; run as the user that owns the store");
}

}  // namespace

bool is_network_filesystem(long magic) {
  // Those that linux/magic.h does not name: CIFS, SMB2, Ceph, GlusterFS over FUSE is not told
  // apart.
  constexpr std::array<long, 7> kNetwork{NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, AFS_SUPER_MAGIC,
                                         CODA_SUPER_MAGIC, 0xff534d42L,     0xfe534d42L,
                                         0x00c36400L};
  return std::find(kNetwork.begin(), kNetwork.end(), magic) != kNetwork.end();
}

SqliteFile inspect_sqlite_file(const std::string& path, bool writes) {
  std::error_code error;
  SqliteFile file;
  file.path = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error).string();
  if (error) file.path = std::filesystem::absolute(path).string();
  const auto directory = std::filesystem::path(file.path).parent_path().string();
  check_directory(directory, path);

  struct stat info {};
  file.exists = ::stat(file.path.c_str(), &info) == 0;
  if (!file.exists && errno != ENOENT)
    fail(Kind::unavailable, path,
         std::string(std::strerror(errno)) + "; run as the user that owns the store");
  if (file.exists && !S_ISREG(info.st_mode))
    fail(Kind::fault, path, "not a regular file; [store] url must name a file");
  check_file_system(directory, path);
  if (!file.exists && !writes)
    fail(Kind::unavailable, path, "does not exist; run `rruled migrate`, or start the daemon");
  if (file.exists) check_access(file.path, writes ? R_OK | W_OK : R_OK, path);
  // The write-ahead log lies beside the file.
  if (writes) check_access(directory, W_OK | X_OK, path);
  return file;
}

std::string lock_path(const SqliteFile& file) { return file.path + ".lock"; }

void make_sqlite_file(const std::string& path) {
  // Not open(2): closing the file drops the locks of another thread that has it open by then.
  (void)::mknod(path.c_str(), S_IFREG | S_IRUSR | S_IWUSR, 0);
}

bool has_write_ahead_log(const std::string& path) {
  struct stat info {};
  return ::stat((path + "-wal").c_str(), &info) == 0 && info.st_size > 0;
}

bool is_missing_or_empty(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0 ? errno == ENOENT : info.st_size == 0;
}

FileIdentity identity_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino};
}

std::string immutable_uri(const std::string& path) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = c == '/' || c == '.' || c == '_' || c == '-' || (c >= '0' && c <= '9') ||
                       (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain) {
      uri += c;
    } else {
      uri += '%';
      uri += kHex[byte >> 4U];
      uri += kHex[byte & 15U];
    }
  }
  return uri + "?immutable=1";
}

}  // namespace rruled::store
