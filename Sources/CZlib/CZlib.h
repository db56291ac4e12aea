// zlib, which reads what gzip has written; rotated logs are often packed with it.

#pragma once

#include <zlib.h>

/// `inflateInit2` is a macro; this begins reading gzip data.
static inline int czlib_begin_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
