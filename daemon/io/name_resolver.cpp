#include "daemon/io/name_resolver.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

NameResolver::Answer ask_system(const std::string& host, std::uint16_t port) {
  NameResolver::Answer answer;
  asio::io_context unused;  // the blocking call needs one to be made from
  tcp::resolver resolver(unused);
  const auto found =
      resolver.resolve(host, std::to_string(port), tcp::resolver::numeric_service, answer.error);
  for (const auto& entry : found) answer.addresses.push_back(entry.endpoint());
  return answer;
}

}  // namespace

struct NameResolver::Lookup {
  bool done = false;
  Answer answer;
  std::vector<std::shared_ptr<asio::steady_timer>> waiting;

  void finish(Answer found) {
    answer = std::move(found);
    done = true;
    for (const auto& each : waiting) each->cancel();
    waiting.clear();
  }
};

NameResolver::NameResolver(asio::any_io_executor io) : io_(std::move(io)) {}

NameResolver::~NameResolver() { thread_.join(); }

std::shared_ptr<NameResolver::Lookup> NameResolver::lookup(const std::string& host,
                                                           std::uint16_t port) {
  auto& current = lookups_[{host, port}];
  if (current && !current->done) return current;
  current = std::make_shared<Lookup>();
  auto ask = [io = io_, lookup = current, host, port] {
    auto finish = [lookup, answer = ask_system(host, port)]() mutable {
      lookup->finish(std::move(answer));
    };
    asio::post(io, std::move(finish));
  };
  asio::post(thread_, std::move(ask));
  return current;
}

asio::awaitable<NameResolver::Answer> NameResolver::find(
    std::string host, std::uint16_t port, std::chrono::steady_clock::time_point deadline) {
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) co_return Answer{{}, {tcp::endpoint(address, port)}};

  const auto found = lookup(host, port);
  const auto timer = std::make_shared<asio::steady_timer>(io_, deadline);
  found->waiting.push_back(timer);
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (found->done) co_return found->answer;
  std::erase(found->waiting, timer);
  co_return Answer{asio::error::operation_aborted, {}};
}

}  // namespace rruled::io
