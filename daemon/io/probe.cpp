#include "daemon/io/probe.h"

#include "daemon/core/json_text.h"
#include "daemon/io/name_resolver.h"
#include "daemon/io/text.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cctype>
#include <cstdlib>
#include <optional>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;
using Endpoint = asio::generic::stream_protocol::endpoint;

constexpr std::size_t kAnswerBytesMax = 65'536;
constexpr std::size_t kShownBytesMax = 300;
constexpr std::string_view kUnix = "unix:";

// Where a listener of this machine can be reached; nullopt: `listen` is no such text.
std::optional<Endpoint> endpoint_of(const std::string& listen) {
  if (listen.starts_with(kUnix))
    return Endpoint(asio::local::stream_protocol::endpoint(listen.substr(kUnix.size())));
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  auto address = asio::ip::make_address(host, error);
  int port = 0;
  for (const char digit : listen.substr(colon + 1)) port = port * 10 + (digit - '0');
  if (error || port <= 0 || port > 65'535) return std::nullopt;
  if (address == asio::ip::address(asio::ip::address_v4::any()))
    address = asio::ip::address_v4::loopback();
  if (address == asio::ip::address(asio::ip::address_v6::any()))
    address = asio::ip::address_v6::loopback();
  return Endpoint(tcp::endpoint(address, static_cast<std::uint16_t>(port)));
}

// By its Content-Length: not everybody closes when asked to.
bool is_whole(std::string_view answer) {
  const auto body = answer.find("\r\n\r\n");
  if (body == std::string_view::npos) return false;
  std::string head(answer.substr(0, body));
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string name = "\r\ncontent-length:";
  const auto at = head.find(name);
  if (at == std::string::npos) return false;
  return answer.size() - body - 4 >= std::strtoul(head.c_str() + at + name.size(), nullptr, 10);
}

template <class Stream>
awaitable<std::string> ask_path(Stream& stream, const std::string& path) {
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  co_await asio::async_write(stream, asio::buffer(request), use_awaitable);
  std::string answer(kAnswerBytesMax, '\0');
  std::size_t size = 0;
  while (size < answer.size() && !is_whole(std::string_view(answer).substr(0, size))) {
    boost::system::error_code error;
    size += co_await stream.async_read_some(asio::buffer(&answer[size], answer.size() - size),
                                            asio::redirect_error(use_awaitable, error));
    if (error) break;  // the end, in whichever way
  }
  answer.resize(size);
  co_return answer;
}

awaitable<std::string> get(Endpoint endpoint, bool tls, std::string path) {
  Socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(endpoint, use_awaitable);
  if (!tls) co_return co_await ask_path(socket, path);
  ssl::context context(ssl::context::tls_client);
  context.set_verify_mode(ssl::verify_none);
  ssl::stream<Socket&> stream(socket, context);
  co_await stream.async_handshake(ssl::stream_base::client, use_awaitable);
  co_return co_await ask_path(stream, path);
}

// What a body says: the reason in it, or its first line.
std::string spoken(const std::string& body) {
  const auto parsed = core::parse_json(body);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object != nullptr)
    for (const char* key : {"reason", "detail", "status"})
      if (const auto* value = object->if_contains(key); value && value->is_string())
        return clean_line(std::string(value->get_string()), kShownBytesMax);
  return clean_line(body.substr(0, body.find('\n')), kShownBytesMax);
}

HealthAnswer judge(const std::string& answer, const std::string& listen) {
  const auto body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.") || answer.size() < 12 || body == std::string::npos)
    return {false, "what listens at " + listen + " does not speak HTTP here: is it rruled, and " +
                       "does it speak TLS as the configuration says?"};
  const std::string status = answer.substr(9, 3);
  const std::string text = spoken(answer.substr(body + 4));
  if (status == "200") return {true, text};
  return {false, text.empty() ? "it answers " + status : text};
}

// Runs `work` until its end or the time limit, at which it is dropped; what it threw, or why there
// was no end, as a text.
template <class T>
std::string finish(asio::io_context& io,
                   awaitable<T> work,
                   std::optional<T>& result,
                   std::chrono::milliseconds timeout) {
  std::string why = "no answer within " + std::to_string(timeout.count()) + " ms";
  auto ended = [&](std::exception_ptr error, T value) {
    why.clear();
    if (!error) {
      result = std::move(value);
      return;
    }
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& fault) {
      why = fault.code().message();
    } catch (const std::exception& fault) {
      why = fault.what();
    }
  };
  asio::co_spawn(io, std::move(work), std::move(ended));
  io.run_for(timeout);
  return why;
}

awaitable<bool> connect(std::string host, std::uint16_t port) {
  const auto executor = co_await asio::this_coro::executor;
  NameResolver resolver(executor);
  const auto found = co_await resolver.find(host, port, steady_clock::time_point::max());
  if (found.error) throw boost::system::system_error(found.error);
  tcp::socket socket(executor);
  co_await asio::async_connect(socket, found.addresses, use_awaitable);
  co_return true;
}

}  // namespace

HealthAnswer ask_health(const std::string& listen,
                        bool tls,
                        const std::string& path,
                        std::chrono::milliseconds timeout) {
  const auto endpoint = endpoint_of(listen);
  if (!endpoint)
    return {false, listen + " names no port that can be asked: give the listener a fixed one"};
  asio::io_context io;
  std::optional<std::string> answer;
  const std::string why = finish(io, get(*endpoint, tls, path), answer, timeout);
  if (!answer) return {false, listen + ": " + why + "; is the daemon running?"};
  return judge(*answer, listen);
}

std::string why_unreachable(const std::string& host,
                            std::uint16_t port,
                            std::chrono::milliseconds timeout) {
  asio::io_context io;
  std::optional<bool> connected;
  return finish(io, connect(host, port), connected, timeout);
}

}  // namespace rruled::io
