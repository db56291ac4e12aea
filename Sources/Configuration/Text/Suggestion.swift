/// Finds the known name that somebody probably meant: the one with the fewest slips of the finger.
enum Suggestion {
  /// The nearest of `names`, if it is near enough to be worth saying.
  static func nearest(to word: String, among names: some Sequence<String>) -> String? {
    let target = Array(word.lowercased().utf8)
    // Longer words than any name can't be near, and would only cost time.
    guard !target.isEmpty, target.count <= 64 else { return nil }
    let limit = max(1, target.count / 3)
    var best: (name: String, distance: Int)?
    for name in names {
      let candidate = Array(name.utf8)
      guard abs(candidate.count - target.count) <= limit else { continue }
      let found = distance(target, candidate)
      if found <= limit, found < best?.distance ?? .max { best = (name, found) }
    }
    return best?.name
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right`
  /// (optimal string alignment); O(left x right).
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        let replacement = previous[column] + (left[row] == right[column] ? 0 : 1)
        var least = min(replacement, previous[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          least = min(least, beforePrevious[column - 1] + 1)
        }
        current.append(least)
      }
      beforePrevious = previous
      previous = current
    }
    return previous[right.count]
  }
}
