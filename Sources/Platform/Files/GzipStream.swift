// Files packed by gzip, unpacked piece by piece.

import CZlib

/// Unpacks a gzip file from its beginning to its end, several members one after the other included.
public final class GzipStream {
  /// Why it can't go on.
  public enum Problem: Error {
    case system(KernelError)
    /// The data is no gzip data, or damaged or cut.
    case damaged
  }

  private let file: ReadableFile
  private let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  /// Where the next packed bytes are read.
  public private(set) var offset: UInt64 = 0
  private var isInsideMember = false

  /// Unpacks `file`.
  public init(_ file: ReadableFile) {
    self.file = file
    stream.initialize(to: z_stream())
    // Fails for want of memory only; then the first read finds no state and reports damage.
    _ = czlib_begin_gzip(stream)
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    packed.deallocate()
  }

  /// True when a file begins as gzip files do.
  public static func isGzip(_ file: ReadableFile) -> Bool {
    guard file.kind == .regular, case .success(let bytes) = file.bytes(at: 0, count: 2) else {
      return false
    }
    return bytes == [0x1F, 0x8B]
  }

  /// Fills `memory` as far as there is anything left; 0 at the end.
  public func read(into memory: UnsafeMutableRawBufferPointer) -> Result<Int, Problem> {
    stream.pointee.next_out = memory.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(memory.count)
    while stream.pointee.avail_out > 0 {
      if stream.pointee.avail_in == 0 {
        switch refill() {
        case .failure(let error): return .failure(.system(error))
        case .success(0):
          if isInsideMember { return outcome(memory) }
          return .success(memory.count - Int(stream.pointee.avail_out))
        case .success: break
        }
      }
      isInsideMember = true
      switch inflate(stream, Z_NO_FLUSH) {
      case Z_OK: break
      case Z_STREAM_END:
        isInsideMember = false
        inflateReset(stream)
      default: return outcome(memory)
      }
    }
    return .success(memory.count)
  }

  /// What was unpacked before the damage; the next call meets it again.
  private func outcome(_ memory: UnsafeMutableRawBufferPointer) -> Result<Int, Problem> {
    let count = memory.count - Int(stream.pointee.avail_out)
    return count > 0 ? .success(count) : .failure(.damaged)
  }

  private func refill() -> Result<Int, KernelError> {
    let result = file.read(into: packed, at: offset)
    if case .success(let count) = result {
      offset += UInt64(count)
      stream.pointee.next_in = packed.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_in = UInt32(count)
    }
    return result
  }
}
