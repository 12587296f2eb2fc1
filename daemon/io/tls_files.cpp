#include "daemon/io/tls_files.h"

namespace rruled::io {

namespace ssl = boost::asio::ssl;

std::string use_identity(ssl::context& context,
                         const std::filesystem::path& certificate,
                         const std::filesystem::path& key) {
  boost::system::error_code error;
  context.use_certificate_chain_file(certificate.string(), error);
  if (error)
    return "cannot read the certificate " + certificate.string() + ": " + error.message() +
           "; it must be a PEM file";
  // OpenSSL's own would ask on the terminal.
  context.set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); });
  context.use_private_key_file(key.string(), ssl::context::pem, error);
  if (error)
    return "cannot use the key " + key.string() + " with the certificate " + certificate.string() +
           ": " + error.message() +
           "; it must be the certificate's key, a PEM file without a passphrase";
  return {};
}

std::string trust_file(ssl::context& context, const std::filesystem::path& file) {
  boost::system::error_code error;
  context.load_verify_file(file.string(), error);
  if (!error) return {};
  return "cannot read certificates from " + file.string() + ": " + error.message() +
         "; it must be a PEM file";
}

}  // namespace rruled::io
