/// Replacing texts in a whole content, as plainly as it can be said: what `ContentStages` does in
/// pieces.
public struct PlainSubstitution {
  /// Texts in their order, and what takes their places.
  public let pairs: [(pattern: [UInt8], replacement: [UInt8])]
  /// Each text is replaced where it is found first, and not again.
  public let replacesOnce: Bool

  /// A replacement of these.
  public init(_ pairs: [(pattern: [UInt8], replacement: [UInt8])], replacesOnce: Bool) {
    self.pairs = pairs.filter { !$0.pattern.isEmpty }
    self.replacesOnce = replacesOnce
  }

  /// What comes of a content; of its beginning only with `isWhole` false: then without the places
  /// that what follows may change.
  public func result(_ content: [UInt8], isWhole: Bool = true) -> [UInt8] {
    var result: [UInt8] = []
    var left = Array(pairs.indices)
    let content = content
    let folded = content.map(PlainSubstitution.folded)
    var place = 0
    places: while place < content.count {
      for index in left {
        let pattern = pairs[index].pattern.map(PlainSubstitution.folded)
        let found = folded[place..<min(folded.count, place + pattern.count)]
        guard pattern.starts(with: found) else { continue }
        guard found.count == pattern.count else {
          // It might have followed: nothing else is tried here, nor behind it.
          return isWhole ? result + content[place...] : result
        }
        result += pairs[index].replacement
        place += pattern.count
        if replacesOnce { left.removeAll { $0 == index } }
        continue places
      }
      result.append(content[place])
      place += 1
    }
    return result
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
  }
}
