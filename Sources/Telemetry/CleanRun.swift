import Basics

/// Finds the bytes that some log format must look at, eight bytes at a time: nearly all that a
/// client sends is clean, so escaping costs little more than copying.
///
/// A byte is clean when it is printable ASCII and neither `"` nor `\`.
enum CleanRun {
  /// True when all bytes are clean: the common case, found out sixteen bytes at a time.
  static func isAll(of bytes: Span<UInt8>) -> Bool {
    let last = bytes.count &- 16
    guard last >= 0 else { return isAll(ofFew: bytes) }
    // The last block overlaps the one before it.
    var marks = marks(in: block(of: bytes, at: last))
    var position = 0
    while position < last {
      marks |= self.marks(in: block(of: bytes, at: position))
      position &+= 16
    }
    return marks.topBits == 0
  }

  /// The same for fewer than sixteen bytes.
  @inline(__always) private static func isAll(ofFew bytes: Span<UInt8>) -> Bool {
    let last = bytes.count &- 8
    if last >= 0 {
      return marks(in: word(of: bytes, at: 0)) | marks(in: word(of: bytes, at: last)) == 0
    }
    for index in bytes.indices where !isClean(bytes[index]) { return false }
    return true
  }

  /// Offset of the first byte from `start` on that is not clean; `bytes.count` when there is none.
  static func end(in bytes: Span<UInt8>, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "CleanRun.end out of bounds")
    var position = start
    while position &+ 16 <= bytes.count {
      let first = marks(in: word(of: bytes, at: position))
      let second = marks(in: word(of: bytes, at: position &+ 8))
      if first | second != 0 {
        return position &+ (first != 0 ? place(first) : 8 &+ place(second))
      }
      position &+= 16
    }
    if position &+ 8 <= bytes.count {
      let marks = marks(in: word(of: bytes, at: position))
      if marks != 0 { return position &+ place(marks) }
      position &+= 8
    }
    return endOfTail(of: bytes, from: position, start: start)
  }

  /// True when `byte` stands for itself in every format.
  @inline(__always) static func isClean(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// The last, incomplete word: one load that overlaps bytes already seen, or single bytes.
  private static func endOfTail(of bytes: Span<UInt8>, from position: Int, start: Int) -> Int {
    guard position < bytes.count else { return bytes.count }
    let overlap = bytes.count &- 8
    if overlap >= start {
      let marks = marks(in: word(of: bytes, at: overlap))
      return marks == 0 ? bytes.count : overlap &+ place(marks)
    }
    var position = position
    while position < bytes.count && isClean(bytes[position]) { position &+= 1 }
    return position
  }

  /// The top bit of the first byte that is not clean, and any bits above it; 0 when all are.
  ///
  /// A borrow or carry out of a byte spoils only the bytes above it, and only happens in a byte
  /// that is itself marked, so the lowest mark is exact.
  @inline(__always) private static func marks(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let control = word &- 0x20 &* ones
    let quote = (word ^ 0x22 &* ones) &- ones
    let backslash = (word ^ 0x5c &* ones) &- ones
    let delete = word &+ ones
    return (word | control | quote | backslash | delete) & (0x80 &* ones)
  }

  /// The top bit of each byte that is not clean; the other bits mean nothing.
  @inline(__always) private static func marks(in block: SIMD16<UInt8>) -> SIMD16<UInt8> {
    let ones = SIMD16<UInt8>(repeating: 1)
    let control: SIMD16<UInt8> = block &- SIMD16(repeating: 0x20)
    let quote: SIMD16<UInt8> = (block ^ SIMD16(repeating: 0x22)) &- ones
    let backslash: SIMD16<UInt8> = (block ^ SIMD16(repeating: 0x5c)) &- ones
    let delete: SIMD16<UInt8> = block &+ ones
    let quoted: SIMD16<UInt8> = quote | backslash
    return block | control | quoted | delete
  }

  /// Which byte of its word the lowest mark stands in.
  @inline(__always) private static func place(_ marks: UInt64) -> Int {
    marks.trailingZeroBitCount &>> 3
  }

  /// Eight bytes, the first one lowest. The caller has checked that they exist.
  @inline(__always) private static func word(of bytes: Span<UInt8>, at offset: Int) -> UInt64 {
    // Safe: every caller compares `offset` with the count first; any eight bytes are an integer.
    UInt64(
      littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: offset, as: UInt64.self))
  }

  /// Sixteen bytes. The caller has checked that they exist.
  @inline(__always)
  private static func block(of bytes: Span<UInt8>, at offset: Int) -> SIMD16<UInt8> {
    // Safe: the caller compares `offset` with the count first; any sixteen bytes are a vector.
    unsafe bytes.bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: offset, as: SIMD16<UInt8>.self)
  }
}
