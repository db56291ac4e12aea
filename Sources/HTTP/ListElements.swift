import Basics

/// Walks a comma-separated list in a field value (RFC 9110 section 5.6.1). Empty elements, which a
/// recipient ignores, are skipped but counted.
struct ListElements: ~Escapable {
  private let bytes: Span<UInt8>
  private var position: Int
  private let end: Int
  /// Empty elements met so far.
  private(set) var emptyCount = 0

  /// The list in the part of `bytes` that `value` names.
  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, _ value: ByteRange) {
    self.bytes = bytes
    position = value.offsets.lowerBound
    end = value.offsets.upperBound
  }

  /// The next element without white space around it; nil behind the last one.
  mutating func next() -> ByteRange? {
    while position <= end {
      let start = position
      var stop = start
      while stop < end && bytes[stop] != ASCII.comma { stop &+= 1 }
      position = stop &+ 1
      let element = ByteRange(trimming: bytes, from: start, to: stop)
      if !element.isEmpty { return element }
      emptyCount &+= 1
    }
    return nil
  }
}

extension ByteRange {
  /// The range from `start` to `end` without the optional white space at both ends.
  @inline(__always) init(trimming bytes: Span<UInt8>, from start: Int, to end: Int) {
    var first = start
    var last = end
    while first < last && ASCII.isBlank(bytes[first]) { first &+= 1 }
    while last > first && ASCII.isBlank(bytes[last &- 1]) { last &-= 1 }
    self.init(start: first, count: last &- first)
  }
}
