import Basics

/// One field line of a head or trailer section, as offsets into the buffer it was parsed from.
/// Optional white space around the value is not part of it (RFC 9110 section 5.5).
public struct FieldLine: Sendable, BitwiseCopyable {
  /// Offset of the name's first byte.
  public var nameStart: UInt32
  /// Offset of the value's first byte.
  public var valueStart: UInt32
  /// Bytes in the value.
  public var valueCount: UInt32
  /// Bytes in the name.
  public var nameCount: UInt16
  /// The name, when Waybill knows it.
  public var known: FieldName

  /// Where the name lies.
  @inlinable public var name: ByteRange { ByteRange(start: Int(nameStart), count: Int(nameCount)) }
  /// Where the value lies.
  @inlinable public var value: ByteRange {
    ByteRange(start: Int(valueStart), count: Int(valueCount))
  }

  /// A line of a name and a value.
  @inlinable public init(name: ByteRange, value: ByteRange, known: FieldName) {
    nameStart = name.start
    nameCount = UInt16(truncatingIfNeeded: name.count)
    valueStart = value.start
    valueCount = value.count
    self.known = known
  }
}

/// The field lines of one section in the order of arrival, at most `FieldSection.capacity`.
public struct FieldSection: Sendable, BitwiseCopyable {
  /// The most lines that fit; parsers refuse a section with more.
  public static var capacity: Int { 128 }

  @usableFromInline var lines: InlineArray<128, FieldLine>
  /// Lines held.
  public private(set) var count: Int

  /// No lines.
  public init() {
    lines = InlineArray(repeating: FieldLine(name: .empty, value: .empty, known: .other))
    count = 0
  }

  /// The line at `index`, in order of arrival.
  @inlinable public subscript(index: Int) -> FieldLine {
    @inline(__always) get {
      precondition(index < count, "FieldSection index out of range")
      return lines[index]
    }
  }

  /// Forgets all lines.
  public mutating func removeAll() { count = 0 }

  /// Appends a line; false when the section is full.
  @inlinable public mutating func append(_ line: FieldLine) -> Bool {
    guard count < FieldSection.capacity else { return false }
    lines[count] = line
    setCount(count &+ 1)
    return true
  }

  @usableFromInline mutating func setCount(_ newCount: Int) { count = newCount }

  /// Index of the first line of a known name, from `start` on; nil when there is none.
  @inlinable public func firstIndex(of name: FieldName, from start: Int = 0) -> Int? {
    var index = start
    while index < count {
      if lines[index].known == name { return index }
      index &+= 1
    }
    return nil
  }
}
