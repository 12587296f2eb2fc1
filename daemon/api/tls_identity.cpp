#include "daemon/api/tls_identity.h"

#include "daemon/io/tls_files.h"

#include <openssl/ssl.h>

#include <stdexcept>

namespace rruled::api {

namespace ssl = boost::asio::ssl;

namespace {

std::shared_ptr<ssl::context> read(const std::filesystem::path& certificate,
                                   const std::filesystem::path& key) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // A client that asks to agree anew, again and again, costs more than it pays.
  context->set_options(ssl::context::default_workarounds | SSL_OP_NO_RENEGOTIATION);
  if (const auto wrong = io::use_identity(*context, certificate, key); !wrong.empty())
    throw std::runtime_error(wrong);
  return context;
}

}  // namespace

TlsIdentity::TlsIdentity(const std::filesystem::path& certificate, const std::filesystem::path& key)
    : context_(read(certificate, key)) {}

void TlsIdentity::reload(const std::filesystem::path& certificate,
                         const std::filesystem::path& key) {
  context_ = read(certificate, key);
}

}  // namespace rruled::api
