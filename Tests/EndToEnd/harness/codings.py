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


def _brotli() -> ctypes.CDLL:
    return ctypes.CDLL(ctypes.util.find_library("brotlidec") or "libbrotlidec.so.1")


def begun_brotli(data: bytes) -> bytes:
    """What the begin of brotli data tells."""
    library = _brotli()
    library.BrotliDecoderCreateInstance.restype = ctypes.c_void_p
    state = ctypes.c_void_p(library.BrotliDecoderCreateInstance(None, None, None))
    source = ctypes.create_string_buffer(data, len(data))
    room = ctypes.create_string_buffer(4096)
    left, free = ctypes.c_size_t(len(data)), ctypes.c_size_t(4096)
    next_in = ctypes.c_void_p(ctypes.addressof(source))
    next_out = ctypes.c_void_p(ctypes.addressof(room))
    library.BrotliDecoderDecompressStream(
        state, ctypes.byref(left), ctypes.byref(next_in), ctypes.byref(free),
        ctypes.byref(next_out), None,
    )  # fmt: skip
    library.BrotliDecoderDestroyInstance(state)
    return ctypes.string_at(room, 4096 - free.value)


def unpack_brotli(data: bytes) -> bytes:
    library = _brotli()
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
