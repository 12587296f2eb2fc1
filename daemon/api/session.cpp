#include "daemon/api/session.h"

#include "daemon/api/http_text.h"
#include "daemon/api/problem.h"
#include "store/ids.h"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace rruled::api {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kRequestIdBytesMax = 128;

// Counts something up for as long as it lives.
class Share {
 public:
  Share(std::size_t& total, std::size_t amount) : total_(total), amount_(amount) {
    total_ += amount_;
  }
  ~Share() { total_ -= amount_; }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

 private:
  std::size_t& total_;
  std::size_t amount_;
};

}  // namespace

std::optional<std::string> fit_request_id(const std::string* given) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (given == nullptr || given->empty() || given->size() > kRequestIdBytesMax ||
      !std::all_of(given->begin(), given->end(), fits))
    return std::nullopt;
  return *given;
}

Session::Session(std::shared_ptr<SessionContext> context, std::unique_ptr<Wire> wire)
    : context_(std::move(context)), wire_(std::move(wire)) {}

Session::~Session() { step_out(); }

void Session::stand_in(std::list<Session*>& line, std::list<Session*>::iterator before) {
  step_out();
  place_ = line.insert(before, this);
  line_ = &line;
}

void Session::step_out() {
  if (line_ != nullptr) line_->erase(place_);
  line_ = nullptr;
  context_->answer_bytes -= std::exchange(owed_, 0);
}

void Session::close() {
  closed_ = true;
  step_out();
  wire_->close();
}

awaitable<void> Session::run() {
  stand_in(context_->waiting, context_->waiting.end());
  const error_code error =
      co_await wire_->begin(steady_clock::now() + context_->limits.head_timeout);
  step_out();
  auto next = error ? Next::hang_up : Next::go_on;
  while (next == Next::go_on) next = co_await serve_one();
  wire_->close();
}

awaitable<Session::Next> Session::serve_one() {
  request_id_ = store::to_string(store::random_uuid_v7(context_->clock.now()));
  stand_in(context_->waiting, context_->waiting.end());
  const Next next = co_await read_head();
  step_out();
  const auto size = head_size(buffer_);
  if (next == Next::hang_up || !size || closed_) co_return Next::hang_up;

  Incoming incoming(context_->limits);
  auto refusal = incoming.take_head(buffer_, *size);
  if (!refusal) {
    Request& request = incoming.request();
    if (auto id = fit_request_id(request.header("X-Request-Id"))) request_id_ = std::move(*id);
    request.request_id = request_id_;
    request.secure = wire_->secure();
    refusal = incoming.take_body(buffer_);
  }
  if (!refusal && !incoming.complete()) refusal = co_await read_body(incoming);
  if (refusal) co_return co_await refuse(std::move(*refusal));
  if (!incoming.complete()) co_return Next::hang_up;
  co_return co_await answer(incoming.release());
}

// Until buffer_ begins with a whole head. Who never sent a byte of it is not answered.
awaitable<Session::Next> Session::read_head() {
  const ServerLimits& limits = context_->limits;
  bool empty_line = false;
  bool begun = served_ == 0;
  auto deadline = steady_clock::now() + (begun ? limits.head_timeout : limits.idle_timeout);
  while (true) {
    // RFC 9112, 2.2: one before the request line is passed over. It is no beginning of a request,
    // and gives nobody more time.
    if (!empty_line && buffer_.starts_with("\r\n")) {
      buffer_.erase(0, 2);
      empty_line = true;
    }
    if (!begun && !buffer_.empty()) {
      begun = true;
      deadline = steady_clock::now() + limits.head_timeout;
    }
    const auto size = head_size(buffer_);
    if (size.value_or(buffer_.size()) > limits.head_bytes_max)
      co_return co_await refuse(problem(
          431, "The header is larger than " + std::to_string(limits.head_bytes_max) + " bytes."));
    if (size) co_return Next::go_on;
    const error_code error = co_await read_more(deadline);
    if (error == asio::error::timed_out && !buffer_.empty())
      co_return co_await refuse(problem(408, "The header did not come in time."));
    if (error) co_return Next::hang_up;
  }
}

awaitable<error_code> Session::read_more(Wire::Deadline deadline) {
  std::array<char, kReadBytes> bytes;  // not initialised: only what was read is used
  const Wire::Read read = co_await wire_->read_some(bytes, deadline);
  if (!read.error) buffer_.append(bytes.data(), read.size);
  co_return read.error;
}

// The rest of a body that did not come with its head. A response refuses it; without one and
// incomplete, the client has gone.
awaitable<std::optional<Response>> Session::read_body(Incoming& incoming) {
  std::optional<Response> refusal = co_await context_->application.refuse(incoming.request());
  if (refusal) co_return refusal;
  const ServerLimits& limits = context_->limits;
  const HeadFacts& facts = incoming.facts();
  const std::size_t room =
      facts.chunked ? limits.body_bytes_max : static_cast<std::size_t>(facts.content_length);
  if (context_->body_bytes + room > limits.all_bodies_bytes_max)
    co_return unavailable("Too many large requests at one time; try again.");
  const Share share(context_->body_bytes, room);
  co_return co_await receive_body(incoming);
}

awaitable<std::optional<Response>> Session::receive_body(Incoming& incoming) {
  const auto deadline = steady_clock::now() + context_->limits.body_timeout;
  if (incoming.facts().expects_continue && buffer_.empty()) {
    const error_code error = co_await wire_->write("HTTP/1.1 100 Continue\r\n\r\n", {}, deadline);
    if (error) co_return std::nullopt;
  }
  std::optional<Response> refusal;
  while (!refusal && !incoming.complete()) {
    const error_code error = co_await read_more(deadline);
    if (error == asio::error::timed_out) co_return problem(408, "The body did not come in time.");
    if (error) co_return std::nullopt;
    refusal = incoming.take_body(buffer_);
  }
  co_return refusal;
}

bool Session::may_go_on(const Request& request) const {
  if (request.version < 11 || context_->stopping ||
      served_ >= context_->limits.requests_per_connection_max)
    return false;
  return std::none_of(request.headers.begin(), request.headers.end(), [](const Header& header) {
    if (!equal_but_for_case(header.name, "connection")) return false;
    const auto options = list_elements(header.value);
    return std::any_of(options.begin(), options.end(),
                       [](auto option) { return equal_but_for_case(option, "close"); });
  });
}

awaitable<Session::Next> Session::answer(Request request) {
  ++served_;
  const auto begun = steady_clock::now();
  const std::string what = request.method + " " + request.path;
  const bool head_only = request.method == "HEAD";
  const bool keep = may_go_on(request);
  Response response = co_await ask(std::move(request));
  context_->log->debug(
      "{} {} {} {} us", request_id_, what, response.status,
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begun).count());
  const bool go_on = keep && !response.close && !context_->stopping;
  co_return co_await send(std::move(response), head_only, go_on);
}

awaitable<Response> Session::ask(Request request) {
  if (context_->answering >= context_->limits.waiting_max)
    co_return unavailable("Too many requests at one time; try again.");
  const Share share(context_->answering, 1);
  try {
    Response response = co_await context_->application.answer(std::move(request));
    co_return response;
  } catch (const std::exception& error) {
    context_->log->error("request {}: {}", request_id_, error.what());
  }
  co_return problem(500, "Something went wrong here; the log names request " + request_id_ + ".");
}

// For a request that was not read to its end: where the next one would begin is not known.
awaitable<Session::Next> Session::refuse(Response response) {
  context_->log->debug("{} refused: {}", request_id_, response.status);
  co_return co_await send(std::move(response), false, false);
}

// Who does not take an answer keeps no memory from the others: who has had most time gives way.
bool Session::make_room_for(std::size_t answer_bytes) const {
  const std::size_t max = context_->limits.all_answers_bytes_max;
  if (answer_bytes > max) return false;
  const auto is_room = [&] { return context_->answer_bytes + answer_bytes <= max; };
  while (!is_room() && !context_->writing.empty()) {
    Session* const slowest = context_->writing.front();
    context_->log->debug("{} broken off: too many answers are not taken", slowest->request_id_);
    slowest->close();
  }
  return is_room();
}

awaitable<Session::Next> Session::send(Response response, bool head_only, bool keep) {
  if (closed_) co_return Next::hang_up;  // nobody shall give way for it
  if (!make_room_for(head_only ? 0 : response.body.size()))
    response = unavailable("Too many large answers at one time; try again.");
  const std::string head = head_of(response, keep);
  std::string body;
  if (!head_only) body.swap(response.body);
  stand_in(context_->writing, context_->writing.end());
  owed_ = body.size();
  context_->answer_bytes += owed_;
  const error_code error =
      co_await wire_->write(head, body, steady_clock::now() + context_->limits.write_timeout);
  step_out();
  std::string().swap(body);  // lingering needs none
  if (error || closed_) co_return Next::hang_up;
  if (keep) co_return Next::go_on;
  co_return co_await linger();
}

// Closing while the peer still sends would reset the connection and take the response with it. Who
// has an answer and stays is the first to give way.
awaitable<Session::Next> Session::linger() {
  stand_in(context_->waiting, context_->waiting.begin());
  const auto deadline = steady_clock::now() + context_->limits.linger_timeout;
  co_await wire_->end_writing(deadline);
  std::array<char, kReadBytes> bytes;
  Wire::Read read;
  while (!read.error && !context_->stopping) read = co_await wire_->read_some(bytes, deadline);
  co_return Next::hang_up;
}

std::string Session::head_of(const Response& response, bool keep) const {
  std::string head = status_line(response.status);
  head += "Date: " + http_date(context_->clock.now()) + "\r\n";
  head += "X-Request-Id: " + request_id_ + "\r\n";
  head +=
      "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
      "Referrer-Policy: no-referrer\r\n";
  for (const auto& [name, value] : response.headers) append_field(head, name, value);
  if (response.status != 204 && response.status != 304) {
    if (!response.body.empty()) append_field(head, "Content-Type", response.content_type);
    append_field(head, "Content-Length", std::to_string(response.body.size()));
  }
  if (!keep) head += "Connection: close\r\n";
  return head += "\r\n";
}

}  // namespace rruled::api
