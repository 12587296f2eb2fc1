#pragma once

namespace rruled::core {

// One callable of several, for std::visit.
template <class... Each>
struct Overloaded : Each... {
  using Each::operator()...;
};

}  // namespace rruled::core
