#include "daemon/io/http_reply.h"

#include "daemon/io/chunked.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace rruled::io {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::string_view kStart = "HTTP/1.";
constexpr int kFinalStatusMin = 200;
constexpr int kStatusMax = 599;  // of a reply that is not read to its end
constexpr int kInterimMax = 16;
constexpr std::size_t kPieceBytesMax = 64 * 1024;

// A body that keeps its first bytes and counts nothing on what the header says of its length.
struct CutBody {
  struct value_type {
    std::string text;
    std::size_t bytes_max = 0;
    bool cut = false;
  };
  struct reader {
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>&, value_type& body) : body_(body) {}

    static void init(const boost::optional<std::uint64_t>&, error_code& error) { error = {}; }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
           ++at) {
        const asio::const_buffer piece = *at;
        const std::size_t room = body_.bytes_max - body_.text.size();
        body_.text.append(static_cast<const char*>(piece.data()), std::min(room, piece.size()));
        body_.cut = body_.cut || piece.size() > room;
      }
      return asio::buffer_size(buffers);
    }

    static void finish(error_code& error) { error = {}; }

    value_type& body_;
  };
};

using Parser = http::response_parser<CutBody>;

constexpr std::size_t kStatusBytes = std::string_view("HTTP/1.1 200 ").size();

// Of a reply that begins with `bytes`, by RFC 9112, 4, but without asking for a reason after it.
std::optional<int> status_of(std::string_view bytes) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (bytes.size() < kStatusBytes || !bytes.starts_with(kStart)) return std::nullopt;
  bytes.remove_prefix(kStart.size());
  const auto digits = bytes.substr(2, 3);
  const bool fits = is_digit(bytes[0]) && bytes[1] == ' ' && std::ranges::all_of(digits, is_digit);
  const char after = bytes[5];
  if (!fits || (after != ' ' && after != '\r' && after != '\n')) return std::nullopt;
  return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

std::string standard_reason(int status) {
  const auto known = http::int_to_status(static_cast<unsigned>(status));
  return known == http::status::unknown ? "" : std::string(http::obsolete_reason(known));
}

}  // namespace

struct HttpReply::Impl {
  explicit Impl(std::size_t bytes_max) : body_bytes_max(bytes_max) { expect_response(); }

  void expect_response() {
    parser.emplace();
    taken = 0;
    parser->eager(true);
    parser->header_limit(kHeaderBytesMax);
    parser->body_limit(boost::none);  // CutBody bounds it
    parser->get().body().bytes_max = body_bytes_max;
  }
  // So far. The parser itself waits for the end of the header before it looks.
  [[nodiscard]] bool begins_as_http() const {
    const std::size_t size = std::min(pending.size(), kStart.size());
    return kStart.starts_with({static_cast<const char*>(pending.data().data()), size});
  }
  // The parser does not say the status of a head that it refuses.
  void keep_start() {
    const std::size_t size = std::min(pending.size(), kStatusBytes);
    start.assign(static_cast<const char*>(pending.data().data()), size);
  }
  [[nodiscard]] bool is_too_short() const {
    const std::string_view rest(static_cast<const char*>(pending.data().data()), pending.size());
    return parser->chunked() && io::is_too_short(rest);
  }
  Progress parse();
  Progress refuse(const error_code& error);
  Progress refuse(std::string_view why) {
    mistake = why;
    return Progress::garbage;
  }

  const std::size_t body_bytes_max;
  std::optional<Parser> parser;
  boost::beast::flat_buffer pending{kHeaderBytesMax + kPieceBytesMax};
  std::size_t taken = 0;  // bytes of this response that the parser has done with
  std::string start;      // its first bytes
  int interims = 0;
  bool begun = false;
  bool surplus = false;  // bytes after the end that did not even fit into `pending`
  std::string mistake;
};

HttpReply::HttpReply(std::size_t body_bytes_max) : impl_(std::make_unique<Impl>(body_bytes_max)) {}
HttpReply::~HttpReply() = default;

HttpReply::Progress HttpReply::Impl::refuse(const error_code& error) {
  mistake = error.message();
  return error == http::error::header_limit ? Progress::too_large : Progress::garbage;
}

HttpReply::Progress HttpReply::Impl::parse() {
  while (pending.size() > 0) {
    if (taken == 0 && !begins_as_http()) return refuse("it does not begin with HTTP/1.");
    if (taken == 0) keep_start();
    if (is_too_short()) return Progress::needs_more;
    error_code error;
    const std::size_t size = parser->put(pending.data(), error);
    pending.consume(size);
    taken += size;
    if (error == http::error::need_more) return Progress::needs_more;
    if (error) return refuse(error);
    if (parser->get().body().cut) return Progress::done;
    if (!parser->is_done()) continue;
    const int status = static_cast<int>(parser->get().result_int());
    if (status >= kFinalStatusMin) return Progress::done;
    if (status == 101 || status < 100 || ++interims > kInterimMax)
      return refuse("unexpected status " + std::to_string(status));
    expect_response();
  }
  return Progress::needs_more;
}

HttpReply::Progress HttpReply::put(std::string_view bytes) {
  impl_->begun = impl_->begun || !bytes.empty();
  Progress progress = Progress::needs_more;
  while (!bytes.empty() && progress == Progress::needs_more) {
    auto& pending = impl_->pending;
    const std::size_t room = pending.max_size() - pending.size();
    if (room == 0) return Progress::too_large;
    const std::size_t size = std::min(room, bytes.size());
    pending.commit(asio::buffer_copy(pending.prepare(size), asio::buffer(bytes.data(), size)));
    bytes.remove_prefix(size);
    progress = impl_->parse();
  }
  impl_->surplus = !bytes.empty();
  return progress;
}

HttpReply::Progress HttpReply::put_end() {
  if (!impl_->parser->got_some()) return impl_->refuse("it ended before it began");
  error_code error;
  impl_->parser->put_eof(error);
  if (error) return impl_->refuse(error);
  return impl_->parser->is_done() ? Progress::done : impl_->refuse("it ended in the middle");
}

bool HttpReply::begun() const { return impl_->begun; }

bool HttpReply::keep_alive() const {
  return impl_->parser->is_done() && impl_->parser->keep_alive() && impl_->pending.size() == 0 &&
         !impl_->surplus && !impl_->parser->get().body().cut;
}

HttpResponse HttpReply::take() {
  auto& message = impl_->parser->get();
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  response.reason = standard_reason(response.status);
  response.retry_after = std::string(message[http::field::retry_after]);
  response.body_cut = message.body().cut;
  response.body = std::move(message.body().text);
  return response;
}

std::optional<HttpResponse> HttpReply::take_broken() {
  HttpResponse response;
  if (impl_->parser->is_header_done()) {
    response = take();
  } else {
    response.status = status_of(impl_->start).value_or(0);
    response.reason = standard_reason(response.status);
  }
  if (response.status < kFinalStatusMin || response.status > kStatusMax) return std::nullopt;
  response.body_cut = true;
  return response;
}

std::string_view HttpReply::mistake() const { return impl_->mistake; }

}  // namespace rruled::io
