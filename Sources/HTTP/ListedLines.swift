import Basics

/// The lines of a section that Connection lists, so that they must not be forwarded (RFC 9110
/// section 7.6.1).
///
/// Owns 6 KiB of memory for as long as it lives. So make it once and reuse it.
@safe
public struct ListedLines: ~Copyable, @unchecked Sendable {
  // Safe: each place below `FieldSection.capacity` is initialised, every index is checked against
  // it, nobody else has the pointers.
  private let isListed: UnsafeMutablePointer<Bool>
  /// The section's lines in the order of their names: shorter ones first, then by their letters.
  private let order: UnsafeMutablePointer<UInt16>
  private let former: UnsafeMutablePointer<UInt16>
  /// Lines of the section that was looked at; none when nothing is listed.
  private var count = 0

  /// No lines.
  public init() {
    unsafe isListed = .allocate(capacity: FieldSection.capacity)
    unsafe order = .allocate(capacity: FieldSection.capacity)
    unsafe former = .allocate(capacity: FieldSection.capacity)
    unsafe isListed.initialize(repeating: false, count: FieldSection.capacity)
    unsafe order.initialize(repeating: 0, count: FieldSection.capacity)
    unsafe former.initialize(repeating: 0, count: FieldSection.capacity)
  }

  deinit {
    unsafe isListed.deallocate()
    unsafe order.deallocate()
    unsafe former.deallocate()
  }

  /// True when the line at `index` is listed.
  @inline(__always) public func contains(_ index: Int) -> Bool {
    if count == 0 { return false }
    precondition(index >= 0 && index < count, "ListedLines: no such line")
    return unsafe isListed[index]
  }

  /// Forgets what was found: no line is listed.
  @inline(__always) public mutating func removeAll() { count = 0 }

  /// Finds the lines of `section`, parsed from `bytes`, that the Connection lines of `head`, parsed
  /// from `headBytes`, list; forgets what was found before.
  ///
  /// A stranger chooses both how many lines there are and how many names are listed. So the lines
  /// are put in order once, and each listed name is looked up in it: the cost is in proportion to
  /// the bytes of both, and to the logarithm of the number of lines.
  public mutating func find(
    in section: borrowing FieldSection, _ bytes: Span<UInt8>,
    listedBy head: borrowing FieldSection, _ headBytes: Span<UInt8>
  ) {
    count = section.count
    for index in 0..<count {
      unsafe isListed[index] = false
      unsafe order[index] = UInt16(index)
    }
    sort(section, bytes)
    var next = head.firstIndex(of: .connection)
    while let index = next {
      var list = ListElements(headBytes, head[index].value)
      while let element = list.next() {
        mark(headBytes.extracting(element.offsets), section, bytes)
      }
      next = head.firstIndex(of: .connection, from: index &+ 1)
    }
  }

  /// Marks all lines of a name, unless they are marked already: who lists a name a thousand times
  /// has its lines visited once.
  private func mark(_ name: Span<UInt8>, _ section: borrowing FieldSection, _ bytes: Span<UInt8>) {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      if precedes(lineName(line(middle), section, bytes), name) {
        low = middle &+ 1
      } else {
        high = middle
      }
    }
    while low < count, !contains(line(low)),
      FieldNameMatch.equalIgnoringCase(lineName(line(low), section, bytes), name)
    {
      unsafe isListed[line(low)] = true
      low &+= 1
    }
  }

  /// The line at a place in the order of names.
  private func line(_ place: Int) -> Int {
    precondition(place >= 0 && place < count, "ListedLines: no such place")
    return Int(unsafe order[place])
  }

  @_lifetime(copy bytes)
  private func lineName(
    _ line: Int, _ section: borrowing FieldSection, _ bytes: Span<UInt8>
  ) -> Span<UInt8> {
    bytes.extracting(section[line].name.offsets)
  }

  /// Sorts by merging ever longer runs: nobody can choose names that make it slow.
  private func sort(_ section: borrowing FieldSection, _ bytes: Span<UInt8>) {
    precondition(count <= FieldSection.capacity, "sort: more lines than a section holds")
    var width = 1
    while width < count {
      unsafe former.update(from: order, count: count)
      var start = 0
      while start < count {
        merge(start, width, section, bytes)
        start &+= 2 &* width
      }
      width &*= 2
    }
  }

  /// Merges two neighbouring runs of the former order, the first one from `start` on.
  private func merge(
    _ start: Int, _ width: Int, _ section: borrowing FieldSection, _ bytes: Span<UInt8>
  ) {
    let middle = min(start &+ width, count)
    let end = min(middle &+ width, count)
    precondition(start <= middle && end <= count, "merge: beyond the last line")
    var left = start
    var right = middle
    for place in start..<end {
      var takesRight = left == middle
      if !takesRight && right < end {
        takesRight = precedes(
          lineName(Int(unsafe former[right]), section, bytes),
          lineName(Int(unsafe former[left]), section, bytes))
      }
      unsafe order[place] = takesRight ? former[right] : former[left]
      if takesRight { right &+= 1 } else { left &+= 1 }
    }
  }

  private func precedes(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    guard one.count == other.count else { return one.count < other.count }
    for index in one.indices {
      let (first, second) = (ASCII.lowercase(one[index]), ASCII.lowercase(other[index]))
      if first != second { return first < second }
    }
    return false
  }
}
