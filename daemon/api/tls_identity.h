#pragma once

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <memory>

namespace rruled::api {

// The server's certificate (PEM, with the chain after it) and its key. Io thread only.
class TlsIdentity {
 public:
  // Throws std::runtime_error, with the file and what is wrong.
  TlsIdentity(const std::filesystem::path& certificate, const std::filesystem::path& key);

  // Reads these files, the same again or others: connections accepted from now on use them. Throws
  // as above and keeps what it had.
  void reload(const std::filesystem::path& certificate, const std::filesystem::path& key);
  // Connections keep the one they began with.
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context() const { return context_; }

 private:
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace rruled::api
