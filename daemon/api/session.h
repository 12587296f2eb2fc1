#pragma once

#include "daemon/api/incoming.h"
#include "daemon/api/limits.h"
#include "daemon/api/message.h"
#include "daemon/api/wire.h"
#include "daemon/io/clock.h"

#include <boost/asio/awaitable.hpp>
#include <spdlog/logger.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace rruled::api {

// What answers requests. Io thread only; may suspend, never blocks.
class Application {
 public:
  Application() = default;
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;
  virtual ~Application() = default;

  // Asked with the head alone while the body is still on its way: a response refuses the request
  // unread. `head` stays until the answer.
  [[nodiscard]] virtual boost::asio::awaitable<std::optional<Response>> refuse(
      const Request& head) = 0;
  // HEAD comes as HEAD; the body of its response is not sent.
  [[nodiscard]] virtual boost::asio::awaitable<Response> answer(Request request) = 0;
};

class Session;

// What the sessions of one server share. Io thread only.
struct SessionContext {
  const ServerLimits limits;
  Application& application;
  const io::Clock& clock;
  const std::shared_ptr<spdlog::logger> log;

  bool stopping = false;
  std::size_t answering = 0;      // requests with the application
  std::size_t body_bytes = 0;     // promised to bodies that are on their way
  std::size_t answer_bytes = 0;   // of the bodies that those in `writing` are owed
  // Who is owed nothing yet, in the order in which they give way: those that have had their last
  // answer, then those that wait for a whole head, the longest first.
  std::list<Session*> waiting{};
  // Who is being written to, the longest first: they give way when nobody waits, or when there is
  // no room for another answer.
  std::list<Session*> writing{};
};

// One connection: reads requests, has them answered in the order they came, writes the answers.
// Every read and write has its deadline. A request is read only when the one before it has been
// answered, so what a client pipelines waits in its socket.
class Session {
 public:
  Session(std::shared_ptr<SessionContext> context, std::unique_ptr<Wire> wire);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Until the connection has ended. The session must outlive it.
  [[nodiscard]] boost::asio::awaitable<void> run();
  // Breaks off what it waits for. Of one that waits for a request, none is taken any more.
  void close();

 private:
  enum class Next { go_on, hang_up };

  [[nodiscard]] boost::asio::awaitable<Next> serve_one();
  [[nodiscard]] boost::asio::awaitable<Next> read_head();
  [[nodiscard]] boost::asio::awaitable<std::optional<Response>> read_body(Incoming& incoming);
  [[nodiscard]] boost::asio::awaitable<std::optional<Response>> receive_body(Incoming& incoming);
  [[nodiscard]] boost::asio::awaitable<Next> answer(Request request);
  [[nodiscard]] boost::asio::awaitable<Response> ask(Request request);
  [[nodiscard]] boost::asio::awaitable<Next> refuse(Response response);
  [[nodiscard]] boost::asio::awaitable<Next> send(Response response, bool head_only, bool keep);
  [[nodiscard]] boost::asio::awaitable<Next> linger();
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> read_more(
      Wire::Deadline deadline);

  void stand_in(std::list<Session*>& line, std::list<Session*>::iterator before);
  void step_out();
  [[nodiscard]] bool make_room_for(std::size_t answer_bytes) const;
  [[nodiscard]] bool may_go_on(const Request& request) const;
  [[nodiscard]] std::string head_of(const Response& response, bool keep) const;

  const std::shared_ptr<SessionContext> context_;
  const std::unique_ptr<Wire> wire_;
  std::string buffer_;      // came, and not used yet
  std::string request_id_;  // of the request that is being answered
  std::size_t served_ = 0;
  std::size_t owed_ = 0;  // bytes of an answer, while it stands in `writing`
  bool closed_ = false;
  std::list<Session*>* line_ = nullptr;  // of the context, in which it stands
  std::list<Session*>::iterator place_;
};

// `given` when it is 1 to 128 of [A-Za-z0-9._-]: anything else could forge a log line.
[[nodiscard]] std::optional<std::string> fit_request_id(const std::string* given);

}  // namespace rruled::api
