#pragma once

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace rruled::io {

// In `registry`, which must outlive them.
inline prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry,
                                                     const char* name,
                                                     const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

// One without labels.
inline prometheus::Gauge& gauge(prometheus::Registry& registry,
                                const char* name,
                                const char* help) {
  return gauges(registry, name, help).Add({});
}

}  // namespace rruled::io
