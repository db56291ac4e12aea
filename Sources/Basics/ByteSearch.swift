public import CVector

/// Finding bytes in long texts, sixteen and more at a time.
extension Span where Element == UInt8 {
  /// The index of the first `byte` from `start` on; `count` when there is none.
  @inlinable public func index(of byte: UInt8, from start: Int) -> Int {
    let rest = extracting(start..<count)
    // Safe: what is searched is exactly the memory of `rest`.
    let found = unsafe rest.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe cvector_find(base, bytes.count, byte)
    }
    return start &+ found
  }

  /// The index of the first byte from `start` on that is `one` or `other`; `count` when there is
  /// none.
  @inlinable public func index(ofEither one: UInt8, _ other: UInt8, from start: Int) -> Int {
    let rest = extracting(start..<count)
    // Safe: as above.
    let found = unsafe rest.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe cvector_find_either(base, bytes.count, one, other)
    }
    return start &+ found
  }

  /// The index of the last `byte` before `end`; nil when there is none.
  @inlinable public func lastIndex(of byte: UInt8, before end: Int) -> Int? {
    var index = end
    while index > 0 {
      index &-= 1
      if self[index] == byte { return index }
    }
    return nil
  }
}

/// A text to look for in many places. It is taken literally: no byte of it is a pattern.
///
/// Two of its bytes that are rare in logs are looked for first, at their distance; only where both
/// are is the whole compared. The time hardly depends on the text.
public struct ByteNeedle: Sendable {
  /// The text.
  public let bytes: [UInt8]
  private let first: Int
  private let second: Int
  /// Bits that are set in each byte before it is compared.
  private let fold: UInt8

  /// Looks for `bytes`, of which there must be at least one. If it is caseless, they must be digits
  /// and small letters, and capitals are found as well.
  public init(_ bytes: [UInt8], isCaseless: Bool = false) {
    precondition(!bytes.isEmpty, "nothing to look for")
    let byRarity = bytes.indices.sorted {
      ByteNeedle.frequency(of: bytes[$0]) < ByteNeedle.frequency(of: bytes[$1])
    }
    let rarest = byRarity[0]
    // A different byte says more than the same one again.
    let other = byRarity.first { bytes[$0] != bytes[rarest] } ?? byRarity[bytes.count > 1 ? 1 : 0]
    self.bytes = bytes
    fold = isCaseless ? 0x20 : 0
    first = min(rarest, other)
    second = max(rarest, other)
  }

  /// Where the text begins for the first time from `start` on; nil when it is not there.
  public func next(in text: Span<UInt8>, from start: Int) -> Int? {
    var position = start
    // Places at which the whole text would fit.
    while position &+ bytes.count <= text.count {
      let places = text.count &- bytes.count &- position &+ 1
      let window = text.extracting((position &+ first)..<text.count)
      // Safe: the last place looked at is `places - 1 + second`, which is inside `text`.
      let found = unsafe window.withUnsafeBufferPointer { memory in
        unsafe cvector_find_pair(
          memory.baseAddress!, places, bytes[first], bytes[second], second &- first, fold)
      }
      guard found < places else { return nil }
      if isAt(position &+ found, in: text) { return position &+ found }
      position &+= found &+ 1
    }
    return nil
  }

  private func isAt(_ position: Int, in text: Span<UInt8>) -> Bool {
    for index in bytes.indices where text[position &+ index] | fold != bytes[index] { return false }
    return true
  }

  /// How often a byte is met in logs, roughly: punctuation of JSON, digits, small letters in the
  /// order of their use in English, and all else.
  private static func frequency(of byte: UInt8) -> Int {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: " "): 100
    case UInt8(ascii: "0")...UInt8(ascii: "2"): 90
    case UInt8(ascii: "3")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): 80
    case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "c"), UInt8(ascii: "d"): 75
    case UInt8(ascii: "b"), UInt8(ascii: "f"): 65
    case UInt8(ascii: "j"), UInt8(ascii: "q"), UInt8(ascii: "x"), UInt8(ascii: "z"): 20
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "/"), UInt8(ascii: "_"): 70
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): 30
    default: 10
    }
  }
}
