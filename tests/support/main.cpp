#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#ifdef __SANITIZE_ADDRESS__
// Freed memory that AddressSanitizer keeps from being used again. When it is full a tenth goes at
// once: of the default, 256 MB, that holds a thread up for 200 to 500 ms, longer than the tests
// let a client wait.
extern "C" const char* __asan_default_options();
const char* __asan_default_options() { return "quarantine_size_mb=16"; }
#endif
