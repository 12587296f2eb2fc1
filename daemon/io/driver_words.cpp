#include "daemon/io/driver.h"

namespace rruled::io {

const char* word_of(core::StoreFailed::What asked) {
  using What = core::StoreFailed::What;
  switch (asked) {
    case What::load:
      return "load";
    case What::settle:
      return "settle";
    case What::claim:
      return "claim";
    case What::review:
      return "review";
    case What::extend:
      return "extend";
    case What::recover:
      return "recover";
    case What::finish:
      return "finish";
    case What::hand_back:
      return "hand_back";
    case What::spread:
      return "spread";
    case What::end_jobs:
      return "end_jobs";
    case What::cancel_job:
      return "cancel_job";
    case What::expire:
      break;
  }
  return "expire";
}

}  // namespace rruled::io
