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
///
/// Owns 16 KiB of memory for as long as it lives, of which the kernel provides what was once used:
/// mostly one page. So make it once and reuse it. The memory is apart from the value, because
/// looking into a table of that size within a value would copy all of it.
@safe
public struct FieldSection: ~Copyable, @unchecked Sendable {
  /// The most lines that fit; parsers refuse a section with more.
  @inlinable public static var capacity: Int { 1024 }

  // Safe: `used` lines are initialised, every index is checked against it, nobody else has the
  // pointer.
  @usableFromInline let lines: UnsafeMutablePointer<FieldLine>
  @usableFromInline var used: Int

  /// No lines.
  public init() {
    unsafe lines = .allocate(capacity: FieldSection.capacity)
    used = 0
  }

  deinit { unsafe lines.deallocate() }

  /// Lines held.
  @inlinable public var count: Int { used }

  /// The line at `index`, in order of arrival.
  @inlinable public subscript(index: Int) -> FieldLine {
    @inline(__always) get {
      precondition(index >= 0 && index < used, "FieldSection index out of range")
      return unsafe lines[index]
    }
  }

  /// Forgets all lines.
  @inlinable public mutating func removeAll() { used = 0 }

  /// Appends a line; false when the section is full.
  @inlinable public mutating func append(_ line: FieldLine) -> Bool {
    guard used < FieldSection.capacity else { return false }
    unsafe lines[used] = line
    used &+= 1
    return true
  }

  /// Index of the first line of a known name, from `start` on; nil when there is none.
  @inlinable public func firstIndex(of name: FieldName, from start: Int = 0) -> Int? {
    var index = max(start, 0)
    while index < used {
      if unsafe lines[index].known == name { return index }
      index &+= 1
    }
    return nil
  }

  /// Index of the first line whose name has `count` bytes, from `start` on; nil when there is none.
  @inlinable public func firstIndex(ofNameCount count: Int, from start: Int = 0) -> Int? {
    var index = max(start, 0)
    while index < used {
      if unsafe Int(lines[index].nameCount) == count { return index }
      index &+= 1
    }
    return nil
  }
}
