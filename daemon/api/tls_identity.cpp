#include "daemon/api/tls_identity.h"

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
  boost::system::error_code error;
  context->use_certificate_chain_file(certificate.string(), error);
  if (error)
    throw std::runtime_error("cannot read the certificate " + certificate.string() + ": " +
                             error.message() + "; it must be a PEM file");
  context->use_private_key_file(key.string(), ssl::context::pem, error);
  if (error)
    throw std::runtime_error("cannot use the key " + key.string() + " with the certificate " +
                             certificate.string() + ": " + error.message() +
                             "; it must be the certificate's key, a PEM file");
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
