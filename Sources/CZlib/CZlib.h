// zlib, which reads and writes what gzip does; rotated logs are often packed with it.

#pragma once

#include <zlib.h>

/// `inflateInit2` is a macro; this begins reading gzip data.
static inline int czlib_begin_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/// `deflateInit2` is a macro; this begins writing gzip data.
static inline int czlib_begin_packing(z_stream *stream) {
  return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
