/// Appends bytes to memory of a fixed size that the caller owns and keeps alive.
///
/// Everything that Waybill serialises (heads, log lines, error pages) goes through one of these. A
/// write that does not fit writes nothing and sets `overflowed`, so that the caller checks once at
/// the end instead of at each append.
@safe
public struct ByteWriter {
  @usableFromInline let base: UnsafeMutablePointer<UInt8>
  /// Bytes that fit in all.
  public let capacity: Int
  /// Bytes written so far.
  public private(set) var count: Int = 0
  /// True once an append did not fit. What was written before it stays.
  public private(set) var overflowed: Bool = false

  /// A writer over `buffer`, which must outlive it.
  @unsafe public init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
    unsafe base = buffer.baseAddress!
    capacity = buffer.count
  }

  /// Bytes that still fit.
  @inlinable public var remaining: Int { capacity &- count }

  /// What was written.
  @unsafe public var written: UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: base, count: count)
  }

  /// Forgets everything behind `count` and clears `overflowed`: the way back from a failed append.
  public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count, "ByteWriter.truncate beyond what was written")
    self.count = count
    overflowed = false
  }

  /// Appends one byte.
  public mutating func append(_ byte: UInt8) {
    guard reserve(1) else { return }
    unsafe base[count &- 1] = byte
  }

  /// Appends all of `bytes`.
  public mutating func append(_ bytes: Span<UInt8>) {
    let amount = bytes.count
    guard amount > 0, reserve(amount) else { return }
    let target = unsafe base + (count &- amount)
    // Safe: `reserve` has just made room for `amount` bytes behind `target`.
    unsafe bytes.withUnsafeBufferPointer { source in
      unsafe target.update(from: source.baseAddress!, count: amount)
    }
  }

  /// Appends the part of `bytes` that `range` names.
  public mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) {
    append(bytes.extracting(range.offsets))
  }

  /// Appends the UTF-8 bytes of a literal.
  public mutating func append(_ literal: StaticString) {
    let amount = literal.utf8CodeUnitCount
    guard amount > 0, reserve(amount) else { return }
    unsafe (base + (count &- amount)).update(from: literal.utf8Start, count: amount)
  }

  /// Appends `value` in decimal digits, left-padded with zeros to `width` digits.
  public mutating func append(decimal value: UInt64, width: Int = 1) {
    var digits = 1
    var rest = value / 10
    while rest > 0 {
      digits &+= 1
      rest /= 10
    }
    digits = max(digits, width)
    guard reserve(digits) else { return }
    var position = count
    var left = value
    for _ in 0..<digits {
      position &-= 1
      unsafe base[position] = UInt8(truncatingIfNeeded: 0x30 &+ left % 10)
      left /= 10
    }
  }

  /// Appends `value` in lowercase hexadecimal digits without leading zeros (RFC 9112 section 7.1).
  public mutating func append(hexadecimal value: UInt64) {
    let digits = max(1, (67 &- value.leadingZeroBitCount) / 4)
    guard reserve(digits) else { return }
    var position = count
    var left = value
    for _ in 0..<digits {
      position &-= 1
      let digit = UInt8(truncatingIfNeeded: left & 15)
      unsafe base[position] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
      left >>= 4
    }
  }

  /// Claims `amount` bytes, or says that they do not fit.
  private mutating func reserve(_ amount: Int) -> Bool {
    guard amount <= remaining else {
      overflowed = true
      return false
    }
    count &+= amount
    return true
  }
}
