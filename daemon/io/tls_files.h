#pragma once

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <string>

// PEM files of TLS, read into a context. What is wrong with them, and what would be right; empty
// when they were taken.
namespace rruled::io {

// A certificate, with its chain after it, and its key. A key with a passphrase is refused: nobody
// is there to be asked.
[[nodiscard]] std::string use_identity(boost::asio::ssl::context& context,
                                       const std::filesystem::path& certificate,
                                       const std::filesystem::path& key);

// Certificates that those of other sides may be signed by.
[[nodiscard]] std::string trust_file(boost::asio::ssl::context& context,
                                     const std::filesystem::path& file);

}  // namespace rruled::io
