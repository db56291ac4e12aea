// zlib, which reads and writes what gzip does; rotated logs are often packed with it.

#pragma once

#include <zlib.h>

/// `inflateInit2` is a macro; this begins reading gzip data.
static inline int czlib_begin_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/// `deflateInit2` is a macro; this begins writing gzip data.
static inline int czlib_begin_packing(z_stream *stream) {
  return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

/// The same with a level from 1 to 9, a window of 2 to the power of `window_bits`, and memory of
/// `memory_level` for what is being looked for in it.
static inline int czlib_begin_compressing(
    z_stream *stream, int level, int window_bits, int memory_level) {
  return deflateInit2(
      stream, level, Z_DEFLATED, window_bits + 16, memory_level, Z_DEFAULT_STRATEGY);
}
