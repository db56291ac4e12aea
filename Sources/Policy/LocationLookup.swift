import Basics

/// Which location a path belongs to (nginx's `location`): the exact one, else the longest prefix.
///
/// Both tables are sorted by bytes and searched by halving. The entry that the path would stand
/// behind begins with every prefix of the path that the table has, so the longest of them is found
/// by going up that entry's parents, without comparing bytes again.
extension LocationTable {
  /// The table of `entries`, in the memory of `arena`. Of equal paths the first one counts. What
  /// `location` and `unmatched` mean is not known here.
  public init(
    entries: [(isExact: Bool, path: String, location: Int)], unmatched: Int, arena: Arena
  ) {
    self.unmatched = unmatched
    exact = LocationTable.freeze(entries.filter { $0.isExact }, in: arena)
    prefixes = LocationTable.freeze(entries.filter { !$0.isExact }, in: arena)
  }

  /// The location of a normalized path; `unmatched` when there is none.
  public func find(_ path: Span<UInt8>) -> Int {
    if !exact.isEmpty {
      let (index, shared) = LocationTable.lastNotAfter(path, in: exact)
      if index >= 0 && shared == path.count && exact[index].path.count == shared {
        return exact[index].location
      }
    }
    // `location /` alone, with which all paths begin.
    if prefixes.count == 1, !path.isEmpty, prefixes[0].path.count == 1,
      prefixes[0].path[0] == path[0]
    {
      return prefixes[0].location
    }
    var (index, shared) = LocationTable.lastNotAfter(path, in: prefixes)
    while index >= 0 {
      if prefixes[index].path.count <= shared { return prefixes[index].location }
      index = prefixes[index].parent
    }
    return unmatched
  }

  /// Index of the last entry that does not sort behind `path` (-1 for none), and the number of
  /// bytes with which both begin.
  ///
  /// All entries between two bounds share at least what both bounds share with the path; these
  /// bytes are not compared again.
  private static func lastNotAfter(
    _ path: Span<UInt8>, in entries: FrozenArray<Entry>
  ) -> (index: Int, shared: Int) {
    var low = -1
    var lowShared = 0
    var high = entries.count
    var highShared = 0
    while high &- low > 1 {
      let middle = (low &+ high) / 2
      let entry = entries[middle].path.span
      var shared = min(lowShared, highShared)
      let end = min(entry.count, path.count)
      while shared < end && entry[shared] == path[shared] { shared &+= 1 }
      let isAfter =
        shared < entry.count && (shared == path.count || entry[shared] > path[shared])
      if isAfter {
        high = middle
        highShared = shared
      } else {
        low = middle
        lowShared = shared
      }
    }
    return (low, lowShared)
  }

  /// Sorts, drops later ones of equal paths, and links each entry to its parent.
  private static func freeze(
    _ entries: [(isExact: Bool, path: String, location: Int)], in arena: Arena
  ) -> FrozenArray<Entry> {
    var known: Set<[UInt8]> = []
    let sorted =
      entries.map { (path: Array($0.path.utf8), location: $0.location) }
      .filter { known.insert($0.path).inserted }
      .sorted { $0.path.lexicographicallyPrecedes($1.path) }
    var ancestors: [Int] = []
    var table: [Entry] = []
    for (index, entry) in sorted.enumerated() {
      while let last = ancestors.last, !entry.path.starts(with: sorted[last].path) {
        ancestors.removeLast()
      }
      table.append(
        Entry(
          path: arena.freeze(entry.path), location: entry.location, parent: ancestors.last ?? -1))
      ancestors.append(index)
    }
    return arena.freeze(table)
  }
}
