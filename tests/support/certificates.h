#pragma once

#include <memory>
#include <string>

namespace rruled::test {

// PEM texts.
struct Identity {
  std::string certificate;
  std::string key;
};

// A certificate authority made on the spot, for TLS on the loopback. Valid from a day ago for a
// week.
class CertificateAuthority {
 public:
  CertificateAuthority();
  ~CertificateAuthority();

  // For a client that is to trust it.
  [[nodiscard]] std::string certificate() const;
  // `name` as in a subjectAltName: "DNS:localhost", "IP:127.0.0.1".
  [[nodiscard]] Identity issue(const std::string& name) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

}  // namespace rruled::test
