import Basics

/// The lines of a section that Connection lists, so that they must not be forwarded (RFC 9110
/// section 7.6.1).
public struct ListedLines: Sendable, BitwiseCopyable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  /// No lines.
  public init() {}

  /// True when the line at `index` is listed.
  @inline(__always) public func contains(_ index: Int) -> Bool {
    (index < 64 ? low &>> UInt64(index) : high &>> UInt64(index &- 64)) & 1 == 1
  }

  fileprivate mutating func insert(_ index: Int) {
    if index < 64 { low |= 1 &<< UInt64(index) } else { high |= 1 &<< UInt64(index &- 64) }
  }
}

extension FieldSection {
  /// The lines that the Connection lines of `head`, parsed from `headBytes`, list. `bytes` is what
  /// this section was parsed from.
  ///
  /// A stranger chooses both how many lines there are and how many names are listed. So the lines
  /// are put in order once, and each listed name is looked up in it: the cost is in proportion to
  /// the bytes of both, and to the logarithm of the number of lines.
  public func lines(
    listedBy head: borrowing FieldSection, _ headBytes: Span<UInt8>, in bytes: Span<UInt8>
  ) -> ListedLines {
    var listed = ListedLines()
    let order = NameOrder(self, bytes)
    var next = head.firstIndex(of: .connection)
    while let index = next {
      var list = ListElements(headBytes, head[index].value)
      while let element = list.next() {
        mark(headBytes.extracting(element.offsets), order, bytes, &listed)
      }
      next = head.firstIndex(of: .connection, from: index &+ 1)
    }
    return listed
  }

  /// Marks all lines of a name, unless they are marked already: who lists a name a thousand times
  /// has its lines visited once.
  private func mark(
    _ name: Span<UInt8>, _ order: NameOrder, _ bytes: Span<UInt8>, _ listed: inout ListedLines
  ) {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      if precedes(Int(order[middle]), name, bytes) { low = middle &+ 1 } else { high = middle }
    }
    while low < count, !listed.contains(Int(order[low])),
      FieldNameMatch.equalIgnoringCase(lineName(Int(order[low]), bytes), name)
    {
      listed.insert(Int(order[low]))
      low &+= 1
    }
  }

  private func precedes(_ line: Int, _ name: Span<UInt8>, _ bytes: Span<UInt8>) -> Bool {
    NameOrder.precedes(lineName(line, bytes), name)
  }

  @_lifetime(copy bytes)
  fileprivate func lineName(_ line: Int, _ bytes: Span<UInt8>) -> Span<UInt8> {
    bytes.extracting(self[line].name.offsets)
  }
}

/// The lines of a section in the order of their names: shorter ones first, then by their letters.
private struct NameOrder {
  private var indices = InlineArray<128, UInt8>(repeating: 0)

  /// Sorts by merging ever longer runs: nobody can choose names that make it slow.
  init(_ section: borrowing FieldSection, _ bytes: Span<UInt8>) {
    precondition(section.count <= 128, "NameOrder: more lines than a section holds")
    for index in 0..<section.count { indices[index] = UInt8(index) }
    var width = 1
    while width < section.count {
      let before = indices
      var start = 0
      while start < section.count {
        merge(before, start, width, section, bytes)
        start &+= 2 &* width
      }
      width &*= 2
    }
  }

  subscript(place: Int) -> UInt8 { indices[place] }

  /// Merges two neighbouring runs of `before`, the first one from `start` on.
  private mutating func merge(
    _ before: InlineArray<128, UInt8>, _ start: Int, _ width: Int,
    _ section: borrowing FieldSection, _ bytes: Span<UInt8>
  ) {
    let middle = min(start &+ width, section.count)
    let end = min(middle &+ width, section.count)
    var left = start
    var right = middle
    for place in start..<end {
      let takesRight =
        left == middle
        || right < end
          && NameOrder.precedes(
            section.lineName(Int(before[right]), bytes), section.lineName(Int(before[left]), bytes))
      indices[place] = takesRight ? before[right] : before[left]
      if takesRight { right &+= 1 } else { left &+= 1 }
    }
  }

  static func precedes(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    guard one.count == other.count else { return one.count < other.count }
    for index in one.indices {
      let (first, second) = (ASCII.lowercase(one[index]), ASCII.lowercase(other[index]))
      if first != second { return first < second }
    }
    return false
  }
}
