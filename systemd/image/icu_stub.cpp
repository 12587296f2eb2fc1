// libical asks ICU for calendars other than the Gregorian (RSCALE), which rruled refuses; ICU's
// data for them is 31 MB, most of a container image. There this library stands in its place: the
// same symbol, with an empty table of contents (the layout of ICU's own source/stubdata). What asks
// for data is told that there is none.
#include <unicode/udata.h>
#include <unicode/utypes.h>

namespace {

struct Header {
  std::uint16_t size;
  std::uint8_t magic[2];
  UDataInfo info;
  char padding[8];
  std::uint32_t count;
  std::uint32_t reserved;
  std::uint64_t entries[2];
};

}  // namespace

extern "C" {

extern const Header U_ICUDATA_ENTRY_POINT;
alignas(16) const Header U_ICUDATA_ENTRY_POINT = {
    32,
    {0xda, 0x27},
    {sizeof(UDataInfo),
     0,
     U_IS_BIG_ENDIAN,
     U_CHARSET_FAMILY,
     sizeof(char16_t),
     0,
     {'T', 'o', 'C', 'P'},
     {1, 0, 0, 0},
     {0, 0, 0, 0}},
    {},
    0,
    0,
    {0, 0},
};
}
