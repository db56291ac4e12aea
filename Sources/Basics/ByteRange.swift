/// Where some bytes lie in a buffer that somebody else holds.
///
/// Parsers hand out ranges, never slices or Strings: a range is eight bytes, copies for free and
/// stays valid when the buffer is handed from one owner to the next.
public struct ByteRange: Equatable, Hashable, Sendable, BitwiseCopyable {
  /// Offset of the first byte.
  public var start: UInt32
  /// Number of bytes.
  public var count: UInt32

  /// The range of `count` bytes from offset `start`.
  @inlinable public init(start: Int, count: Int) {
    self.start = UInt32(truncatingIfNeeded: start)
    self.count = UInt32(truncatingIfNeeded: count)
  }

  /// The range of no bytes at offset 0: what "absent" looks like.
  @inlinable public static var empty: ByteRange { ByteRange(start: 0, count: 0) }

  /// The range that stands for none at all, where one of no bytes is a value.
  @inlinable public static var absent: ByteRange {
    ByteRange(start: Int(UInt32.max), count: 0)
  }

  /// True when the range holds no bytes.
  @inlinable public var isEmpty: Bool { count == 0 }

  /// The range as offsets for `Span.extracting`.
  @inlinable public var offsets: Range<Int> { Int(start)..<(Int(start) + Int(count)) }
}
