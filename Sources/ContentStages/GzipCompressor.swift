import CZlib

/// The window of a compressor: the less content there is, the smaller it can be. The sizes are
/// nginx's, so that the results are as large as nginx's, too.
public struct CompressionWindow: Equatable, Sendable, BitwiseCopyable {
  /// Its size is 2 to the power of this: 9 to 15.
  public var bits: Int32
  /// zlib's measure of the memory in which repetitions are looked for: 1 to 9.
  public var memoryLevel: Int32

  /// The window for content of `length` bytes, nil when it is not known, that is at most 2 to the
  /// power of `largestBits`, with the memory `largestMemoryLevel`.
  public init(length: UInt64?, largestBits: Int32 = 15, largestMemoryLevel: Int32 = 8) {
    precondition((9...15).contains(largestBits), "CompressionWindow: no such size")
    bits = largestBits
    memoryLevel = largestMemoryLevel
    guard let length, length > 0 else { return }
    // zlib can't look back as far as the last 262 bytes of its window.
    while bits > 9, length &+ 262 < UInt64(1) << UInt64(bits - 1) {
      bits -= 1
      memoryLevel -= 1
    }
    memoryLevel = max(memoryLevel, 1)
  }
}

/// Packs content as gzip does (RFC 1952), by zlib.
public final class GzipCompressor {
  private let stream: UnsafeMutablePointer<z_stream>
  /// The window that it was made with.
  public let window: CompressionWindow
  private var level: Int32

  /// A compressor of a level from 1 to 9; nil when there is no memory for it.
  public init?(level: Int, window: CompressionWindow) {
    precondition((1...9).contains(level), "GzipCompressor: no such level")
    self.level = Int32(level)
    self.window = window
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let result = czlib_begin_compressing(stream, self.level, window.bits, window.memoryLevel)
    guard result == Z_OK else { return nil }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Makes it as good as new, perhaps with another level.
  public func restart(level: Int) {
    precondition((1...9).contains(level), "restart: no such level")
    deflateReset(stream)
    guard Int32(level) != self.level else { return }
    self.level = Int32(level)
    deflateParams(stream, self.level, Z_DEFAULT_STRATEGY)
  }

  /// Room that a flush needs at least: its mark has six bytes at most.
  public static let flushRoom = 8

  /// Bytes that it has taken.
  public var takenCount: UInt64 { UInt64(stream.pointee.total_in) }

  /// Bytes that it has given.
  public var givenCount: UInt64 { UInt64(stream.pointee.total_out) }

  /// Takes from the front of `input`, which `end` follows, and gives to the front of `room`.
  func advance(
    _ input: inout UnsafeRawBufferPointer, _ end: ContentEnd,
    into room: inout UnsafeMutableRawBufferPointer
  ) -> StageState {
    // Into less room zlib would write the mark that ends a flush again and again.
    guard room.count >= (end == .flush ? Self.flushRoom : 1) else { return .needsRoom }
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(input.count)
    stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(room.count)
    let flush: Int32 =
      switch end {
      case .more: Z_NO_FLUSH
      case .flush: Z_SYNC_FLUSH
      case .last: Z_FINISH
      }
    let result = deflate(stream, flush)
    // Z_BUF_ERROR: there was nothing to do.
    precondition(
      result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR, "deflate has failed")
    input.keepLast(Int(stream.pointee.avail_in))
    room.keepLast(Int(stream.pointee.avail_out))
    if result == Z_STREAM_END { return .ended }
    return room.isEmpty ? .needsRoom : .needsInput
  }
}
