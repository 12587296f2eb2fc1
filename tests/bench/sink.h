#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

namespace rruled::bench {

// The least that an HTTP receiver on 127.0.0.1 can cost: answers every request with 200 and counts
// it. On a thread of its own.
class Sink {
 public:
  Sink();
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::size_t requests() const { return requests_.load(); }

 private:
  void serve();

  int listener_ = -1;
  int stop_ = -1;  // eventfd
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> requests_{0};
  std::thread thread_;
};

}  // namespace rruled::bench
