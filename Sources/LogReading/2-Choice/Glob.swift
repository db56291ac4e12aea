/// A shell pattern for paths: `*` is any run of characters, slashes included, `?` is one character.
/// All else stands for itself.
public struct Glob: Sendable {
  private let pattern: [UInt8]

  /// The pattern given.
  public init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

  /// Whether all of `text` fits. Takes time proportional to the product of both lengths at most:
  /// only the last star is ever tried again.
  public func matches(_ text: Span<UInt8>) -> Bool {
    var (position, place) = (0, 0)
    var star: (place: Int, position: Int)?
    while position < text.count {
      if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
        star = (place, position)
        place += 1
      } else if place < pattern.count,
        pattern[place] == UInt8(ascii: "?") || pattern[place] == text[position]
      {
        (position, place) = (position + 1, place + 1)
      } else if let last = star {
        star = (last.place, last.position + 1)
        (position, place) = (last.position + 1, last.place + 1)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
