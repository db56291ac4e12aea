/// Appends bytes to memory of a fixed size that the caller owns and keeps alive.
///
/// Everything that Waybill serialises (heads, log lines, error pages) goes through one of these. A
/// write that does not fit writes nothing and sets `overflowed`, so that the caller checks once at
/// the end instead of at each append.
@safe
public struct ByteWriter {
  @usableFromInline let base: UnsafeMutablePointer<UInt8>
  @usableFromInline var position: Int = 0
  @usableFromInline var hasOverflowed: Bool = false
  /// Bytes that fit in all.
  public let capacity: Int

  /// A writer over `buffer`, which must outlive it and hold at least one byte.
  @inlinable @unsafe public init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
    unsafe base = buffer.baseAddress!
    capacity = buffer.count
  }

  /// Bytes written so far.
  @inlinable public var count: Int { position }

  /// True once an append did not fit. What was written before it stays.
  @inlinable public var overflowed: Bool { hasOverflowed }

  /// Bytes that still fit.
  @inlinable public var remaining: Int { capacity &- position }

  /// What was written.
  @inlinable @unsafe public var written: UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: base, count: position)
  }

  /// What was written, to be read back before the next append.
  @inlinable public var span: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get {
      let bytes = unsafe UnsafeBufferPointer(start: base, count: position)
      // Safe: the memory outlives the writer, and the borrow ends before the next append.
      return unsafe _overrideLifetime(bytes.span, borrowing: self)
    }
  }

  /// Forgets everything behind `count` and clears `overflowed`: the way back from a failed append.
  @inlinable public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= position, "ByteWriter.truncate beyond what was written")
    position = count
    hasOverflowed = false
  }

  /// Forgets everything behind `count`, but not that something did not fit.
  @inlinable public mutating func rewind(to count: Int) {
    precondition(count >= 0 && count <= position, "ByteWriter.rewind beyond what was written")
    position = count
  }

  /// Sets `overflowed`, as an append that does not fit would.
  @inlinable public mutating func overflow() { hasOverflowed = true }

  /// Appends one byte.
  @inlinable public mutating func append(_ byte: UInt8) {
    guard let target = unsafe reserve(1) else { return }
    unsafe target.pointee = byte
  }

  /// Appends all of `bytes`, which must not be part of what this writer writes to.
  @inlinable public mutating func append(_ bytes: Span<UInt8>) {
    guard let target = unsafe reserve(bytes.count) else { return }
    // Safe: `reserve` has just made room for as many bytes behind `target`.
    unsafe ByteWriter.copy(bytes, to: target)
  }

  /// Appends the part of `bytes` that `range` names.
  @inlinable public mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) {
    append(bytes.extracting(range.offsets))
  }

  /// Appends the UTF-8 bytes of a literal. Always inlined, because then its length is a constant
  /// and the copy a few stores.
  @inlinable @inline(__always) public mutating func append(_ literal: StaticString) {
    guard let target = unsafe reserve(literal.utf8CodeUnitCount) else { return }
    unsafe ByteWriter.copy(literal, to: target)
  }

  /// Appends `value` in lowercase hexadecimal digits without leading zeros (RFC 9112 section 7.1).
  public mutating func append(hexadecimal value: UInt64) {
    var digits = max(1, (67 &- value.leadingZeroBitCount) / 4)
    guard let target = unsafe reserve(digits) else { return }
    var left = value
    while digits > 0 {
      digits &-= 1
      let digit = UInt8(truncatingIfNeeded: left & 15)
      unsafe target[digits] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
      left >>= 4
    }
  }

  /// Claims `amount` bytes and says where they lie; nil when they do not fit.
  @inlinable @inline(__always) @unsafe
  mutating func reserve(_ amount: Int) -> UnsafeMutablePointer<UInt8>? {
    guard amount <= capacity &- position else {
      hasOverflowed = true
      return nil
    }
    let target = unsafe base + position
    position &+= amount
    return unsafe target
  }
}
