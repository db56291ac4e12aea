// One instruction that Swift's SIMD types don't lead to: the top bits of sixteen bytes in one word;
// and the searches in long texts that stand on it.

#pragma once

#include <stddef.h>
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

static inline cvector_bytes cvector_load(const uint8_t *bytes) {
  cvector_bytes loaded;
  memcpy(&loaded, bytes, sizeof loaded);
  return loaded;
}

/// The index of the first byte that is `wanted`; `count` when there is none.
static inline size_t cvector_find(const uint8_t *bytes, size_t count, uint8_t wanted) {
  const uint8_t *found = count > 0 ? memchr(bytes, wanted, count) : NULL;
  return found ? (size_t)(found - bytes) : count;
}

/// The index of the first byte that is `one` or `other`; `count` when there is none.
static inline size_t cvector_find_either(
    const uint8_t *bytes, size_t count, uint8_t one, uint8_t other) {
  size_t index = 0;
  for (; index + 16 <= count; index += 16) {
    cvector_bytes loaded = cvector_load(bytes + index);
    uint32_t bits = cvector_top_bits((cvector_bytes)((loaded == one) | (loaded == other)));
    if (bits) return index + (size_t)__builtin_ctz(bits);
  }
  while (index < count && bytes[index] != one && bytes[index] != other) index++;
  return index;
}

/// The first index of `one` that has `other` a fixed distance behind it, within `count` bytes;
/// `count` when there is none. `count` + `distance` bytes must be there; no further one is read.
/// The bits of `fold` are set in each byte first: 0x20 for letters in any case.
static inline size_t cvector_find_pair(
    const uint8_t *bytes, size_t count, uint8_t one, uint8_t other, size_t distance, uint8_t fold) {
  size_t index = 0;
  for (; index + 64 <= count; index += 64) {
    cvector_bytes hits[4];
    for (int part = 0; part < 4; part++) {
      const uint8_t *place = bytes + index + part * 16;
      hits[part] = (cvector_bytes)(((cvector_load(place) | fold) == one) &
                                   ((cvector_load(place + distance) | fold) == other));
    }
    if (!cvector_top_bits(hits[0] | hits[1] | hits[2] | hits[3])) continue;
    for (size_t part = 0; part < 4; part++) {
      uint32_t bits = cvector_top_bits(hits[part]);
      if (bits) return index + part * 16 + (size_t)__builtin_ctz(bits);
    }
  }
  while (index < count &&
         !((bytes[index] | fold) == one && (bytes[index + distance] | fold) == other))
    index++;
  return index;
}
