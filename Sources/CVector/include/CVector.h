// One instruction that Swift's SIMD types don't lead to: the top bits of sixteen bytes in one word.

#pragma once

#include <stdint.h>
#include <string.h>

typedef uint8_t cvector_bytes __attribute__((ext_vector_type(16)));

/// Bit N of the result is the top bit of byte N. The compiler knows it as PMOVMSKB on x86-64 and
/// has a short sequence for it elsewhere.
static inline uint32_t cvector_top_bits(cvector_bytes bytes) {
  typedef int8_t signed_bytes __attribute__((ext_vector_type(16)));
  typedef _Bool flags __attribute__((ext_vector_type(16)));
  flags negative = __builtin_convertvector((signed_bytes)bytes < 0, flags);
  uint16_t bits;
  memcpy(&bits, &negative, sizeof bits);
  return bits;
}
