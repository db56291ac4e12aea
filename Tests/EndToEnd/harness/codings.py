"""Content codings taken off: what a client would read."""

from __future__ import annotations

import ctypes
import ctypes.util
import zlib

LARGEST = 1 << 22


def unpack_gzip(data: bytes) -> bytes:
    """All of what gzip has packed; fails if it is cut or something follows."""
    reader = zlib.decompressobj(31)
    content = reader.decompress(data)
    assert reader.eof and not reader.unused_data, "the gzip data is cut, or something follows"
    return content


def unpack_brotli(data: bytes) -> bytes:
    library = ctypes.CDLL(ctypes.util.find_library("brotlidec") or "libbrotlidec.so.1")
    room = ctypes.create_string_buffer(LARGEST)
    count = ctypes.c_size_t(LARGEST)
    result = library.BrotliDecoderDecompress(
        ctypes.c_size_t(len(data)), data, ctypes.byref(count), room
    )
    assert result == 1, "the brotli data is damaged or cut"
    return ctypes.string_at(room, count.value)


def unpack(coding: str | None, data: bytes) -> bytes:
    if coding == "gzip":
        return unpack_gzip(data)
    return unpack_brotli(data) if coding == "br" else data
