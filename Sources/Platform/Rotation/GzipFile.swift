// A gzip file that is being written.

import CLinux
import CZlib
import Glibc

/// Packs bytes into an open file.
final class GzipFile {
  private let descriptor: Int32
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)

  /// Writes to `descriptor`, which stays the caller's.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    stream.initialize(to: z_stream())
    // Fails for want of memory only; then the first bytes find no state, and that is an error.
    _ = czlib_begin_packing(stream)
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
    packed.deallocate()
  }

  /// Packs `bytes`. With the last ones all is in the file.
  func append(_ bytes: UnsafeRawBufferPointer, isLast: Bool) throws(KernelError) {
    let first = bytes.bindMemory(to: UInt8.self).baseAddress
    stream.pointee.next_in = UnsafeMutablePointer(mutating: first)
    stream.pointee.avail_in = UInt32(bytes.count)
    while true {
      stream.pointee.next_out = packed.bindMemory(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(packed.count)
      let state = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
      // There is no progress where nothing is left to do.
      guard state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR else {
        throw KernelError(code: ENOMEM)
      }
      try write(count: packed.count - Int(stream.pointee.avail_out))
      if isLast ? state == Z_STREAM_END : stream.pointee.avail_out > 0 { return }
    }
  }

  private func write(count: Int) throws(KernelError) {
    var written = 0
    while written < count {
      let result = clinux_write(descriptor, packed.baseAddress! + written, count - written)
      guard result > 0 else { throw KernelError(result: result == 0 ? -Int(EIO) : result) }
      written += result
    }
  }
}
