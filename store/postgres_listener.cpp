#include "store/postgres_listener.h"

#include "store/errors.h"
#include "store/postgres_url.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <random>
#include <thread>

namespace rruled::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kBackoffMin{100};
constexpr milliseconds kBackoffMax{5'000};
// For all hosts together: libpq's own limit does not hold when it does not block.
constexpr milliseconds kConnectMax{20'000};
constexpr milliseconds kForEver{-1};

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, CloseConnection>;

// libpq without pqxx: only here may nothing block, so that a stop is heard at any time.
class Listener final : public ChangeListener {
 public:
  Listener(PgAddress address, std::string schema, std::function<void()> changed)
      : address_(std::move(address)),
        schema_(std::move(schema)),
        changed_(std::move(changed)),
        stop_(::eventfd(0, EFD_CLOEXEC)) {
    if (stop_ < 0)
      throw StoreError(StoreError::Kind::fault, "store: no eventfd: too many open files");
    thread_ = std::thread([this] { run(); });
  }
  ~Listener() override {
    const std::uint64_t one = 1;
    // Cannot fail: the counter is far from its end.
    (void)!::write(stop_, &one, sizeof one);
    thread_.join();
    ::close(stop_);
  }

 private:
  enum class Wait { ready, timeout, stop };

  void run();
  [[nodiscard]] Wait wait(int socket, short events, milliseconds timeout) const;
  // False when it is to stop.
  [[nodiscard]] bool pause();
  [[nodiscard]] ConnectionPtr connect();
  // Until the connection breaks, or it is to stop.
  void listen(PGconn* connection);
  [[nodiscard]] bool take_results(PGconn* connection);
  [[nodiscard]] bool take_notifications(PGconn* connection);

  const PgAddress address_;
  const std::string schema_;
  const std::function<void()> changed_;
  const int stop_;
  milliseconds backoff_{kBackoffMin};
  std::minstd_rand random_{std::random_device{}()};
  std::thread thread_;
};

void Listener::run() {
  do {
    if (const auto connection = connect()) listen(connection.get());
  } while (pause());
}

Listener::Wait Listener::wait(int socket, short events, milliseconds timeout) const {
  std::array<pollfd, 2> polled{{{stop_, POLLIN, 0}, {socket, events, 0}}};
  const nfds_t count = socket < 0 ? 1 : 2;
  const auto deadline = SteadyClock::now() + timeout;
  while (true) {
    auto left = timeout;
    if (timeout >= milliseconds(0))
      left =
          std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline - SteadyClock::now()));
    const int ready = ::poll(polled.data(), count, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (polled[0].revents != 0) return Wait::stop;
    return ready > 0 ? Wait::ready : Wait::timeout;
  }
}

bool Listener::pause() {
  // From half to all of it: many daemons do not come back at once.
  std::uniform_int_distribution<std::int64_t> jitter(backoff_.count() / 2, backoff_.count());
  backoff_ = std::min(2 * backoff_, kBackoffMax);
  return wait(-1, 0, milliseconds(jitter(random_))) != Wait::stop;
}

ConnectionPtr Listener::connect() {
  ConnectionPtr connection(PQconnectStart(address_.conninfo.c_str()));
  if (!connection || PQstatus(connection.get()) == CONNECTION_BAD) return nullptr;
  // Notices would go to standard error.
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  const auto deadline = SteadyClock::now() + kConnectMax;
  auto state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return nullptr;
    const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
    if (left <= milliseconds(0)) return nullptr;
    const auto socket = PQsocket(connection.get());
    if (socket < 0) return nullptr;
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (wait(socket, events, left) != Wait::ready) return nullptr;
    state = PQconnectPoll(connection.get());
  }
  return connection;
}

bool Listener::take_results(PGconn* connection) {
  while (PQisBusy(connection) == 0) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection), &PQclear);
    if (!result) return true;
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return false;
    // Listening: what was told before was lost.
    backoff_ = kBackoffMin;
    changed_();
  }
  return true;
}

bool Listener::take_notifications(PGconn* connection) {
  bool ours = false;
  while (true) {
    const std::unique_ptr<PGnotify, decltype(&PQfreemem)> told(PQnotifies(connection), &PQfreemem);
    if (!told) return ours;
    ours = ours || schema_ == told->extra;
  }
}

void Listener::listen(PGconn* connection) {
  if (PQsendQuery(connection, (std::string("LISTEN ") + kChangesChannel).c_str()) == 0) return;
  while (true) {
    if (wait(PQsocket(connection), POLLIN, kForEver) != Wait::ready) return;
    if (PQconsumeInput(connection) == 0) return;
    if (!take_results(connection)) return;
    if (take_notifications(connection)) changed_();
  }
}

}  // namespace

std::unique_ptr<ChangeListener> listen_to_postgres(const std::string& url,
                                                   const std::string& schema,
                                                   std::function<void()> changed) {
  // Any server that is there: a standby does not notify, so the one that can be written.
  return std::make_unique<Listener>(parse_postgres_url(url, false), schema, std::move(changed));
}

}  // namespace rruled::store
