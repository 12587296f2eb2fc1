#pragma once

#include "tests/support/process.h"

#include <memory>
#include <optional>
#include <string>

namespace rruled::testing {

// A private PostgreSQL server in a temporary directory, with a superuser `postgres` and no
// password, on a free port of the loopback and a unix socket. Gone with the object, and with the
// test process however that ends. Root starts it as the user `postgres`, as PostgreSQL refuses
// root.
class PostgresCluster {
 public:
  struct Options {
    bool fsync = true;          // off: faster; what a crash of the machine would lose is not tested
    std::string settings = {};  // lines of postgresql.conf
  };
  enum class Stop { smart, fast, immediate };  // immediate: as if it had crashed

  // Why no server can be started here; empty when it can.
  [[nodiscard]] static std::string missing();

  // Made and started. Throws std::runtime_error with the server's log.
  explicit PostgresCluster(const Options& options);
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  void start();
  void stop(Stop mode);
  void restart(Stop mode) {
    stop(mode);
    start();
  }
  // SIGSTOP and SIGCONT of the server's main process: it takes no new connection.
  void freeze() const;
  void thaw() const;

  // A streaming standby of this server, started. It outlives its primary.
  [[nodiscard]] std::unique_ptr<PostgresCluster> make_standby();
  // Of a standby: makes it a primary; done when it can be written.
  void promote();

  [[nodiscard]] int port() const { return port_; }
  // postgresql://USER@127.0.0.1:PORT/DATABASE
  [[nodiscard]] std::string url(const std::string& user = "postgres",
                                const std::string& database = "postgres") const;
  // "127.0.0.1:PORT", for a URL with several hosts.
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // A directory beside the data that belongs to the server's user.
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // What psql prints for one or more statements, unaligned, without headers. Throws
  // std::runtime_error.
  std::string sql(const std::string& statements) const;

 private:
  struct Standby {};
  PostgresCluster(Standby, const PostgresCluster& primary);
  void make_directory();
  void write_settings();
  void guard();

  Options options_;
  std::string directory_;
  int port_ = 0;
  bool running_ = false;
  // Waits for the end of the test process, and then stops the server and removes its files.
  std::optional<BackgroundProcess> guard_;
};

// One for the whole test process, made when it is first asked for, with fsync off.
[[nodiscard]] PostgresCluster& shared_postgres();

// A port of the loopback that was free a moment ago.
[[nodiscard]] int free_port();

// The program with what makes it run as the server's user, when this process is root's.
[[nodiscard]] std::vector<std::string> as_postgres(std::vector<std::string> argv);

}  // namespace rruled::testing
