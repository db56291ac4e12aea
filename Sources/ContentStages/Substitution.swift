/// Replaces texts in content wherever they stand, however the content is cut into pieces; ASCII
/// letters match in either case.
///
/// The semantics are nginx's. Of the places where a text may begin the first one counts, and of
/// several texts that begin there the first one that was added. While that one might still follow,
/// nothing else is tried at its place; if the content ends so, what is there stays.
public final class Substitution {
  private struct Pair {
    var pattern: Range<Int>
    var replacement: Range<Int>
    var isUsed = false
  }

  private enum Search {
    /// A text was found.
    case match(at: Int, pair: Int)
    /// No text begins before that place; what follows can't be judged yet.
    case open(from: Int)
  }

  private let replacesOnce: Bool
  private var pairs: [Pair] = []
  /// The patterns, in lowercase, and what comes in their place.
  private var texts: [UInt8] = []
  /// Pairs that may still be used.
  private var leftCount = 0
  /// How far a search may go on when it meets a byte at the end of the shortest pattern's length.
  private var shifts = [UInt8](repeating: 0, count: 256)
  private var shortest = 0
  private var longest = 0

  /// What has come and not left.
  private var window = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var start = 0
  private var end = 0
  /// The end of what leaves as it is.
  private var plainEnd = 0
  /// What leaves behind that, in the place of the bytes before `resumption`.
  private var replacement: Range<Int>?
  private var resumption = 0
  /// The content has ended, and what is left of it leaves as it is.
  private var isOver = false

  /// Replaces nothing yet. With `replacesOnce` each text is replaced where it is found first.
  public init(replacesOnce: Bool) { self.replacesOnce = replacesOnce }

  deinit { window.deallocate() }

  /// True when there is nothing to replace.
  public var isEmpty: Bool { pairs.isEmpty }

  /// Has a text be replaced. An empty one is never found.
  public func add(_ pattern: UnsafeRawBufferPointer, _ replacement: UnsafeRawBufferPointer) {
    precondition(window.isEmpty, "add: content has come")
    guard !pattern.isEmpty else { return }
    let patternStart = texts.count
    for byte in pattern { texts.append(Self.folded(byte)) }
    let patternEnd = texts.count
    texts += replacement
    pairs.append(
      Pair(pattern: patternStart..<patternEnd, replacement: patternEnd..<texts.count))
    shortest = pairs.count == 1 ? pattern.count : min(shortest, pattern.count)
    longest = max(longest, pattern.count)
    leftCount += 1
  }

  /// Takes from the front of `input`, which `end` follows, and gives to the front of `room`.
  func advance(
    _ input: inout UnsafeRawBufferPointer, _ contentEnd: ContentEnd,
    into room: inout UnsafeMutableRawBufferPointer
  ) -> StageState {
    if window.isEmpty { begin() }
    // Taking moves what is left of the window: only when nothing more can be decided about it.
    var wantsMore = true
    while true {
      guard giveAll(into: &room) else { return .needsRoom }
      if isOver { return .ended }
      if wantsMore { take(&input) }
      switch search() {
      case .match(let place, let pair):
        plainEnd = place
        replacement = pairs[pair].replacement
        resumption = place + pairs[pair].pattern.count
        wantsMore = false
        if replacesOnce {
          pairs[pair].isUsed = true
          leftCount -= 1
        }
      case .open(let place):
        plainEnd = place
        wantsMore = true
        guard input.isEmpty else { continue }
        isOver = contentEnd == .last
        if isOver { plainEnd = end }
        guard giveAll(into: &room) else { return .needsRoom }
        return isOver ? .ended : .needsInput
      }
    }
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
  }

  /// Makes the table of shifts and the window.
  private func begin() {
    precondition(!pairs.isEmpty, "Substitution: nothing is to be replaced")
    window = .allocate(byteCount: max(Self.windowBytes, 4 * longest), alignment: 16)
    let most = min(shortest, 255)
    for index in shifts.indices { shifts[index] = UInt8(most) }
    for pair in pairs {
      // Only the end of a long text counts, for a shift has 255 places at most.
      for offset in (shortest - most)..<shortest {
        let byte = texts[pair.pattern.lowerBound + offset]
        let shift = UInt8(shortest - 1 - offset)
        if shift < shifts[Int(byte)] { shifts[Int(byte)] = shift }
        let upper = byte &- UInt8(ascii: "a") < 26 ? byte & ~0x20 : byte
        shifts[Int(upper)] = shifts[Int(byte)]
      }
    }
  }

  private static let windowBytes = 16 * 1024

  // MARK: The window

  /// Gives what is decided; false when there is no room for all of it.
  private func giveAll(into room: inout UnsafeMutableRawBufferPointer) -> Bool {
    if plainEnd > start {
      let bytes = UnsafeRawBufferPointer(rebasing: window[start..<plainEnd])
      start += Self.copy(bytes, into: &room)
      guard start == plainEnd else { return false }
    }
    guard let rest = replacement else { return true }
    let copied = texts.withUnsafeBytes { bytes in
      Self.copy(UnsafeRawBufferPointer(rebasing: bytes[rest]), into: &room)
    }
    guard copied == rest.count else {
      replacement = (rest.lowerBound + copied)..<rest.upperBound
      return false
    }
    replacement = nil
    start = resumption
    plainEnd = start
    return true
  }

  private static func copy(
    _ bytes: UnsafeRawBufferPointer, into room: inout UnsafeMutableRawBufferPointer
  ) -> Int {
    let count = min(bytes.count, room.count)
    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    room.keepLast(room.count - count)
    return count
  }

  /// Takes as much as the window holds.
  private func take(_ input: inout UnsafeRawBufferPointer) {
    guard !input.isEmpty else { return }
    if start > 0 {
      let rest = UnsafeRawBufferPointer(rebasing: window[start..<end])
      window.copyMemory(from: rest)
      end -= start
      start = 0
      plainEnd = 0
    }
    let count = min(input.count, window.count - end)
    UnsafeMutableRawBufferPointer(rebasing: window[end...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
    end += count
    input.keepLast(input.count - count)
  }

  // MARK: The search

  private func search() -> Search {
    guard leftCount > 0 else { return .open(from: end) }
    var place = start
    let bytes = UnsafeRawBufferPointer(rebasing: window[..<end])
    return shifts.withUnsafeBufferPointer { shifts in
      while place + shortest <= end {
        let shift = shifts[Int(bytes[place + shortest - 1])]
        if shift > 0 {
          place += Int(shift)
          continue
        }
        if let found = find(at: place, bytes) { return found }
        place += 1
      }
      while place < end {
        if let found = find(at: place, bytes) { return found }
        place += 1
      }
      return .open(from: end)
    }
  }

  /// The first text that begins at `place`, or may do so when more has come.
  private func find(at place: Int, _ bytes: UnsafeRawBufferPointer) -> Search? {
    for index in pairs.indices where !pairs[index].isUsed {
      let pattern = pairs[index].pattern
      let count = min(pattern.count, bytes.count - place)
      var offset = 0
      while offset < count,
        Self.folded(bytes[place + offset]) == texts[pattern.lowerBound + offset]
      {
        offset += 1
      }
      guard offset == count else { continue }
      return count == pattern.count ? .match(at: place, pair: index) : .open(from: place)
    }
    return nil
  }
}
