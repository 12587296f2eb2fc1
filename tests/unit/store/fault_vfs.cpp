#include "fault_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <new>
#include <stdexcept>

namespace rruled::test {
namespace {

FaultVfs::Decide g_decide;
std::size_t g_steps = 0;
sqlite3_vfs* g_real = nullptr;
sqlite3_vfs g_vfs;

// SQLite allots the room of a file by szOsFile; the real one lies behind ours.
struct File {
  sqlite3_file base;
  std::string* name;
  [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* ours(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return ours(file)->real(); }

FaultVfs::Answer ask(FaultVfs::Step step, const std::string& name) {
  return g_decide ? g_decide(g_steps++, step, name) : FaultVfs::Answer::go;
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

// SQLITE_OK: go on.
int obey(FaultVfs::Answer answer, int failure) {
  switch (answer) {
    case FaultVfs::Answer::go:
      return SQLITE_OK;
    case FaultVfs::Answer::fail:
      return failure;
    case FaultVfs::Answer::full:
      return SQLITE_FULL;
    case FaultVfs::Answer::die:
    case FaultVfs::Answer::half_die:
      die();
  }
  return SQLITE_OK;
}

int close(sqlite3_file* file) {
  const int result = real(file)->pMethods->xClose(real(file));
  delete ours(file)->name;
  return result;
}
int read(sqlite3_file* file, void* buffer, int size, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), buffer, size, offset);
}
int write(sqlite3_file* file, const void* buffer, int size, sqlite3_int64 offset) {
  const auto answer = ask(FaultVfs::Step::write, *ours(file)->name);
  if (answer == FaultVfs::Answer::half_die)
    real(file)->pMethods->xWrite(real(file), buffer, size / 2, offset);
  if (const int failure = obey(answer, SQLITE_IOERR_WRITE); failure != SQLITE_OK) return failure;
  return real(file)->pMethods->xWrite(real(file), buffer, size, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  const auto answer = ask(FaultVfs::Step::truncate, *ours(file)->name);
  if (const int failure = obey(answer, SQLITE_IOERR_TRUNCATE); failure != SQLITE_OK) return failure;
  return real(file)->pMethods->xTruncate(real(file), size);
}
int sync(sqlite3_file* file, int flags) {
  const auto answer = ask(FaultVfs::Step::sync, *ours(file)->name);
  if (const int failure = obey(answer, SQLITE_IOERR_FSYNC); failure != SQLITE_OK) return failure;
  return real(file)->pMethods->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* result) {
  return real(file)->pMethods->xCheckReservedLock(real(file), result);
}
int file_control(sqlite3_file* file, int op, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), op, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int device_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), region, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}
void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods kMethods{2,
                                  close,
                                  read,
                                  write,
                                  truncate,
                                  sync,
                                  file_size,
                                  lock,
                                  unlock,
                                  check_reserved_lock,
                                  file_control,
                                  sector_size,
                                  device_characteristics,
                                  shm_map,
                                  shm_lock,
                                  shm_barrier,
                                  shm_unmap,
                                  nullptr,
                                  nullptr};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  ours(file)->base.pMethods = nullptr;
  const int result = g_real->xOpen(g_real, name, real(file), flags, out_flags);
  if (result != SQLITE_OK) return result;
  ours(file)->name = new std::string(name != nullptr ? name : "");
  ours(file)->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int remove(sqlite3_vfs*, const char* name, int sync_directory) {
  const auto answer = ask(FaultVfs::Step::remove, name);
  if (const int failure = obey(answer, SQLITE_IOERR_DELETE); failure != SQLITE_OK) return failure;
  return g_real->xDelete(g_real, name, sync_directory);
}

}  // namespace

FaultVfs::FaultVfs(Decide decide) {
  g_decide = std::move(decide);
  g_steps = 0;
  g_real = sqlite3_vfs_find(nullptr);
  g_vfs = *g_real;
  g_vfs.zName = "fault";
  g_vfs.pNext = nullptr;
  g_vfs.szOsFile = static_cast<int>(sizeof(File)) + g_real->szOsFile;
  g_vfs.xOpen = open;
  g_vfs.xDelete = remove;
  if (sqlite3_vfs_register(&g_vfs, 1) != SQLITE_OK) throw std::runtime_error("vfs");
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&g_vfs);
  sqlite3_vfs_register(g_real, 1);
  g_decide = nullptr;
}

}  // namespace rruled::test
