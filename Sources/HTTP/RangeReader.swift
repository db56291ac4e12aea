import Basics

/// A range of a file's bytes: from `start` up to, but not with, `end`.
public struct FileRange: Equatable, Sendable, BitwiseCopyable {
  /// Offset of the first byte.
  public var start: UInt64
  /// Offset behind the last byte; greater than `start`.
  public var end: UInt64

  /// The range given.
  @inlinable public init(start: UInt64, end: UInt64) {
    self.start = start
    self.end = end
  }

  /// Number of bytes.
  @inlinable public var count: UInt64 { end &- start }
}

/// What a Range field comes to for content of a known size.
public enum RangeJudgement: Equatable, Sendable, BitwiseCopyable {
  /// It is ignored: all of the content is sent.
  case whole
  /// No range of it lies in the content, or it is malformed: 416.
  case unsatisfiable
  /// One range.
  case single(FileRange)
  /// That many ranges, at least two.
  case several(Int)
}

/// Reads the ranges of a `Range: bytes=…` field one after the other (RFC 9110 section 14.1.2), as
/// nginx does: those behind the end of the content are left out, and a malformed one makes all of
/// the field unsatisfiable.
public struct RangeReader: Sendable, BitwiseCopyable {
  /// What comes next.
  public enum Step: Equatable, Sendable, BitwiseCopyable {
    /// A range within the content.
    case range(FileRange)
    /// A range in which there is no byte, because the content is empty.
    case empty
    /// There is no further one.
    case end
    /// The field is malformed, or asks for more than can be counted.
    case malformed
  }

  private var position: Int
  private var isOver = false
  private let size: UInt64

  /// A reader of the field with `value`, for content of `size` bytes; nil when the field's unit is
  /// not `bytes`.
  public init?(_ value: Span<UInt8>, size: UInt64) {
    guard value.count > 6,
      FieldNameMatch.equalIgnoringCase(value.extracting(first: 6), "bytes=")
    else { return nil }
    position = 6
    self.size = size
  }

  /// The next range. `value` must be the field's that the reader was made for.
  public mutating func next(_ value: Span<UInt8>) -> Step {
    while !isOver {
      guard let (start, end) = read(value) else {
        isOver = true
        return .malformed
      }
      if position < value.count { position += 1 } else { isOver = true }
      if start < end { return .range(FileRange(start: start, end: end)) }
      if start == 0 { return .empty }
    }
    return .end
  }

  /// One range, `end` exclusive; nil when it is malformed. Ends at a comma or with the value.
  private mutating func read(_ value: Span<UInt8>) -> (start: UInt64, end: UInt64)? {
    skipSpaces(value)
    if position < value.count, value[position] == UInt8(ascii: "-") {
      position += 1
      guard let count = number(value), isAtEnd(value) else { return nil }
      return (count < size ? size - count : 0, size)
    }
    guard let start = number(value) else { return nil }
    skipSpaces(value)
    guard position < value.count, value[position] == UInt8(ascii: "-") else { return nil }
    position += 1
    if isAtEnd(value) { return (start, size) }
    guard let last = number(value), isAtEnd(value) else { return nil }
    return (start, last >= size ? size : last + 1)
  }

  /// A number that fits 63 bits.
  private mutating func number(_ value: Span<UInt8>) -> UInt64? {
    var result: UInt64 = 0
    let first = position
    while position < value.count, ASCII.isDigit(value[position]) {
      let (tenfold, isTooLarge) = result.multipliedReportingOverflow(by: 10)
      let (sum, overflows) = tenfold.addingReportingOverflow(UInt64(value[position] - 0x30))
      guard !isTooLarge, !overflows, sum <= UInt64(Int64.max) else { return nil }
      result = sum
      position += 1
    }
    return position > first ? result : nil
  }

  private mutating func skipSpaces(_ value: Span<UInt8>) {
    while position < value.count, value[position] == ASCII.space { position += 1 }
  }

  /// True at a comma or at the end, spaces before it passed over.
  private mutating func isAtEnd(_ value: Span<UInt8>) -> Bool {
    skipSpaces(value)
    return position == value.count || value[position] == ASCII.comma
  }
}

extension RangeReader {
  /// What a Range field with `value` comes to for content of `size` bytes, when at most
  /// `maximumCount` ranges are served. Linear in the field's length.
  public static func judge(
    _ value: Span<UInt8>, size: UInt64, maximumCount: Int
  ) -> RangeJudgement {
    guard maximumCount > 0, var reader = RangeReader(value, size: size) else { return .whole }
    var count = 0
    var total: UInt64 = 0
    var first = FileRange(start: 0, end: 0)
    while true {
      switch reader.next(value) {
      case .range(let range):
        if count == 0 { first = range }
        count += 1
        let (sum, overflows) = total.addingReportingOverflow(range.count)
        guard !overflows, sum <= UInt64(Int64.max) else { return .unsatisfiable }
        total = sum
        if count > maximumCount { return .whole }
      case .empty: return .whole
      case .malformed: return .unsatisfiable
      case .end:
        if count == 0 { return .unsatisfiable }
        if total > size { return .whole }
        return count == 1 ? .single(first) : .several(count)
      }
    }
  }
}
