import Basics

/// Finds the lines of an ID in a block of lines.
public struct LineSearch: Sendable {
  /// A line that holds the ID or an ID that begins with it.
  public struct Hit: Sendable {
    /// The line in the block, without its line end.
    public var line: Range<Int>
    /// The whole ID, within the block.
    public var id: Range<Int>
    /// True when that is the ID looked for.
    public var isExact: Bool
  }

  /// The ID looked for.
  public let needle: ByteNeedle

  /// Looks for `id`, which must not be empty.
  public init(id: [UInt8]) { needle = ByteNeedle(id) }

  /// Calls `found` for each line of the block that has the ID, once a line.
  public func forEachHit(in block: Span<UInt8>, _ found: (Hit) -> Void) {
    var position = 0
    while let place = needle.next(in: block, from: position) {
      let start = block.lastIndex(of: UInt8(ascii: "\n"), before: place).map { $0 + 1 } ?? 0
      var end = block.index(of: UInt8(ascii: "\n"), from: place)
      position = end
      if end > start, block[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
      if let hit = judge(block, start..<end, from: place) { found(hit) }
    }
  }

  /// The best of all places in one line.
  private func judge(_ block: Span<UInt8>, _ line: Range<Int>, from first: Int) -> Hit? {
    let text = block.extracting(line)
    var best: Hit?
    var position = first &- line.lowerBound
    while let place = needle.next(in: text, from: position) {
      let whole = place..<(place &+ needle.bytes.count)
      switch IDMatch(text, at: place, count: needle.bytes.count) {
      case .exact: return Hit(line: line, id: shifted(whole, line), isExact: true)
      case .beginning(let id):
        best = best ?? Hit(line: line, id: shifted(id, line), isExact: false)
      case .chance: break
      }
      position = place &+ 1
    }
    return best
  }

  private func shifted(_ range: Range<Int>, _ line: Range<Int>) -> Range<Int> {
    (range.lowerBound + line.lowerBound)..<(range.upperBound + line.lowerBound)
  }
}
