import Basics
import HTTP

/// `tracestate`: a list of members `key=value`, over one or several lines. Waybill adds none of its
/// own and changes none; it passes the list on if it is valid as a whole.
public enum TraceState {
  /// Writes the members of a head's `tracestate` lines as one list, separated by commas. Writes
  /// nothing when there is none, when one of them is malformed, or when there are more than
  /// `Limits.traceStateMembers`.
  ///
  /// Of members with the same key the first counts, because it is the youngest. Of a list of more
  /// than `Limits.traceStateBytes`, whole members are left out: the large ones first, then others,
  /// the last first. Empty members are legal and are left out.
  public static func write(
    from head: borrowing RequestHead, _ bytes: Span<UInt8>, into writer: inout ByteWriter
  ) {
    var members = Members()
    var index = TraceFields.next(TraceFields.state, in: head, bytes, from: 0)
    while let found = index {
      index = TraceFields.next(TraceFields.state, in: head, bytes, from: found &+ 1)
      guard members.add(listIn: head.fields[found].value, bytes) else { return }
    }
    members.shorten(to: Limits.traceStateBytes)
    members.write(bytes, into: &writer)
  }

  /// The members that count, in their order.
  private struct Members {
    private var ranges = InlineArray<32, ByteRange>(repeating: .empty)
    private var count = 0
    /// Members that came, those that do not count included.
    private var arrived = 0
    /// Bytes of the list, separators included.
    private var byteCount = 0

    /// Takes the members of one line; false when the list is not valid.
    mutating func add(listIn line: ByteRange, _ bytes: Span<UInt8>) -> Bool {
      var start = line.offsets.lowerBound
      let end = line.offsets.upperBound
      while start <= end {
        var stop = start
        while stop < end, bytes[stop] != UInt8(ascii: ",") { stop &+= 1 }
        let member = TraceDigits.trimmed(bytes, start..<stop)
        if !member.isEmpty {
          guard add(member, bytes) else { return false }
        }
        start = stop &+ 1
      }
      return true
    }

    private mutating func add(_ member: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
      arrived &+= 1
      guard arrived <= Limits.traceStateMembers, isValid(bytes.extracting(member)) else {
        return false
      }
      for index in 0..<count where hasSameKey(ranges.span[index], member, bytes) { return true }
      ranges[count] = ByteRange(start: member.lowerBound, count: member.count)
      count &+= 1
      byteCount &+= member.count &+ (count > 1 ? 1 : 0)
      return true
    }

    /// Leaves members out until the list has at most so many bytes.
    mutating func shorten(to limit: Int) {
      for least in [Limits.largeTraceStateMember, 0] {
        var index = count &- 1
        while index >= 0, byteCount > limit {
          if Int(ranges.span[index].count) > least { remove(at: index) }
          index &-= 1
        }
      }
    }

    private mutating func remove(at index: Int) {
      byteCount &-= Int(ranges.span[index].count) &+ (count > 1 ? 1 : 0)
      count &-= 1
      for later in index..<count {
        let moved = ranges[later &+ 1]
        ranges[later] = moved
      }
    }

    func write(_ bytes: Span<UInt8>, into writer: inout ByteWriter) {
      for index in 0..<count {
        if index > 0 { writer.append(UInt8(ascii: ",")) }
        writer.append(bytes, ranges.span[index])
      }
    }
  }

  /// True for `key=value` as level 2 has it: a key of 1 to 256 of `a-z 0-9 _ - * / @` that begins
  /// with a letter or a digit, and a value of 1 to 256 printable characters without `,` and `=`.
  /// The white space around the member has been removed.
  private static func isValid(_ member: Span<UInt8>) -> Bool {
    var keyCount = 0
    while keyCount < member.count, member[keyCount] != UInt8(ascii: "=") {
      guard isKey(member[keyCount], isFirst: keyCount == 0) else { return false }
      keyCount &+= 1
    }
    let valueCount = member.count &- keyCount &- 1
    guard keyCount > 0, keyCount <= longestPart, valueCount > 0, valueCount <= longestPart else {
      return false
    }
    for index in (keyCount &+ 1)..<member.count {
      let byte = member[index]
      guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "=") else { return false }
    }
    return true
  }

  /// Characters that a key has at most, and a value.
  private static var longestPart: Int { 256 }

  private static func isKey(_ byte: UInt8, isFirst: Bool) -> Bool {
    if byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 { return true }
    guard !isFirst else { return false }
    switch byte {
    case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"),
      UInt8(ascii: "@"):
      return true
    default: return false
    }
  }

  /// True when two members have the same key; each has one.
  private static func hasSameKey(
    _ one: ByteRange, _ other: Range<Int>, _ bytes: Span<UInt8>
  ) -> Bool {
    var index = 0
    while true {
      let byte = bytes[Int(one.start) &+ index]
      guard byte == bytes[other.lowerBound &+ index] else { return false }
      if byte == UInt8(ascii: "=") { return true }
      index &+= 1
    }
  }
}
