import Basics

/// Finds the lines of an ID in a block of lines, however they spell it: with characters escaped,
/// or, if it is a UUID, in capitals, without dashes, or cut to 32 characters.
///
/// One part of the ID that no spelling changes is looked for; only where it is the rest is
/// compared.
public struct LineSearch: Sendable {
  /// A line that holds the ID or an ID that begins with it.
  public struct Hit: Sendable {
    /// The line in the block, without its line end.
    public var line: Range<Int>
    /// The whole ID as the line has it, but for escapes.
    public var id: [UInt8]
    /// True when that is the ID looked for.
    public var isExact: Bool
    /// True when the line says that this is an ID: `[req-ID]`, `request_id=ID`.
    public var isNamed: Bool
  }

  private let id: [UInt8]
  private let form: IDForm
  private let anchor: ByteNeedle
  /// Where the anchor stands in the ID.
  private let anchorPlace: Int

  /// Looks for `id`, which must not be empty.
  public init(id: [UInt8]) {
    self.id = id
    form = IDForm(id)
    if let digits = form.digits {
      // The first eight have no dash among them.
      anchor = ByteNeedle(Array(digits.prefix(8)), isCaseless: true)
      anchorPlace = 0
    } else {
      let part = LineSearch.longestPart(of: id)
      anchor = ByteNeedle(Array(id[part]))
      anchorPlace = part.lowerBound
    }
  }

  /// Calls `found` for each line of the block that has the ID, once a line.
  public func forEachHit(in block: Span<UInt8>, _ found: (Hit) -> Void) {
    var position = 0
    while let place = anchor.next(in: block, from: position) {
      let start = block.lastIndex(of: UInt8(ascii: "\n"), before: place).map { $0 + 1 } ?? 0
      var end = block.index(of: UInt8(ascii: "\n"), from: place)
      position = end
      if end > start, block[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
      if let hit = judge(block, block.withoutHoles(start..<end), from: place) { found(hit) }
    }
  }

  /// Whether a field that holds an ID holds this one, or the beginning of one that is this.
  func isIn(_ field: [UInt8]) -> Bool {
    var isFound = false
    forEachHit(in: field.span) { isFound = isFound || $0.isExact }
    return isFound
  }

  /// The best of all places in one line.
  private func judge(_ block: Span<UInt8>, _ line: Range<Int>, from first: Int) -> Hit? {
    let text = block.extracting(line)
    var best: Hit?
    var position = first &- line.lowerBound
    while let place = anchor.next(in: text, from: position) {
      position = place &+ 1
      guard let whole = spelling(text, at: place) else { continue }
      switch IDMatch(text, at: whole.lowerBound, count: whole.count) {
      case .exact:
        let hit = Hit(
          line: line, id: SpelledByte.plain(text, whole), isExact: true,
          isNamed: IDMatch.isNamed(text, whole))
        if hit.isNamed { return hit }
        if best?.isExact != true { best = hit }
      case .beginning(let range):
        // A UUID that is found cut goes on in no way.
        if best == nil, !(form.isWhole && isCut(text, whole)) {
          best = Hit(
            line: line, id: SpelledByte.plain(text, range), isExact: false,
            isNamed: IDMatch.isNamed(text, range))
        }
      case .chance: break
      }
    }
    return best
  }

  // MARK: Spellings

  /// Where the whole ID stands whose anchor is at `place`; nil when the rest is different.
  private func spelling(_ text: Span<UInt8>, at place: Int) -> Range<Int>? {
    if let digits = form.digits { return spelling(of: digits, text, at: place) }
    var start = place
    for byte in id[..<anchorPlace].reversed() {
      guard start > 0 else { return nil }
      let before = SpelledByte(text, before: start)
      guard before.byte == byte else { return nil }
      start &-= before.count
    }
    var end = place &+ anchor.bytes.count
    for byte in id[(anchorPlace + anchor.bytes.count)...] {
      guard end < text.count else { return nil }
      if text[end] == byte {
        end &+= 1
        continue
      }
      let next = SpelledByte(text, at: end)
      guard next.byte == byte else { return nil }
      end &+= next.count
    }
    return start..<end
  }

  /// The same for the digits of a UUID, with dashes in their places or without.
  private func spelling(of digits: [UInt8], _ text: Span<UInt8>, at place: Int) -> Range<Int>? {
    var end = place
    for (number, digit) in digits.enumerated() {
      if number == IDForm.cutDigits, form.isWhole, isCut(text, place..<end) { return place..<end }
      if IDForm.isDashPlace(number), end < text.count {
        let next = SpelledByte(text, at: end)
        if next.byte == UInt8(ascii: "-") { end &+= next.count }
      }
      guard end < text.count, text[end] | 0x20 == digit else { return nil }
      end &+= 1
    }
    return place..<end
  }

  /// True when a UUID ends there after 32 characters.
  private func isCut(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard range.count == 32, text.extracting(range).index(of: UInt8(ascii: "-"), from: 0) == 8,
      range.upperBound == text.count || !SpelledByte.isWord(text[range.upperBound])
    else { return false }
    return true
  }

  /// The longest part that is hardly ever escaped: letters and digits. All, if there are none.
  private static func longestPart(of id: [UInt8]) -> Range<Int> {
    var best = 0..<0
    var start = 0
    for end in 0...id.count {
      if end < id.count, SpelledByte.isWord(id[end]) { continue }
      if end - start > best.count { best = start..<end }
      start = end + 1
    }
    return best.isEmpty ? 0..<id.count : best
  }
}
