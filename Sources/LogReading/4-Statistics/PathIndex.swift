/// Folded paths as a tree of their segments, of which the numbers of rows hang.
///
/// Where many segments differ at one place they are IDs that do not look like any: names, slugs.
/// They become one, `*`, except those that have a good share of the requests by themselves. Those
/// that only ever led to a 4xx are counted apart: a scanner's guesses shall not fold routes that
/// exist.
struct PathIndex: Sendable {
  /// More segments at one place are folded.
  static var mostDifferent: Int { 50 }
  /// A segment with that share of the requests of its place is kept: at the root, one percent.
  private static var keptShare: (root: UInt64, inner: UInt64) { (100, 20) }

  /// What is known of a row.
  struct Weight {
    var count: UInt64
    var isFound: Bool

    init(_ row: PeriodRows) {
      count = row.weight
      isFound = row.isFound
    }

    private init() {
      count = 0
      isFound = false
    }

    /// That of no request.
    static let none = Weight()

    mutating func add(_ other: Weight) {
      count &+= other.count
      isFound = isFound || other.isFound
    }
  }

  /// Which segments are kept where more differ.
  enum Rule {
    /// The most frequent ones, so many.
    case keeping(Int)
    /// Where more than `mostDifferent` differ, those with a share of their own.
    case heavy
  }

  /// A row that is counted to another one from now on.
  struct Move {
    var from: Int
    var to: Int
  }

  private struct Node: Sendable {
    var name: [UInt8] = []
    var children: [[UInt8]: Int] = [:]
    /// The row of the path that ends here.
    var row: Int?
    /// Segments that led somewhere, and that led nowhere, have been folded here for want of room.
    var hasFolded = (found: false, lost: false)
  }

  private var nodes = [Node()]
  private var free: [Int] = []
  private static let starSegment = [UInt8(ascii: "/"), PathFolding.star]

  /// Whether there are too many nodes for so many rows.
  func isFull(for mostRows: Int) -> Bool { nodes.count - free.count >= mostRows * 4 }

  /// The row of a path.
  func row(of path: ArraySlice<UInt8>) -> Int? {
    var node = 0
    for segment in PathIndex.segments(path) {
      guard let child = nodes[node].children[segment] else { return nil }
      node = child
    }
    return nodes[node].row
  }

  /// Gives a path a row.
  mutating func insert(_ path: ArraySlice<UInt8>, row: Int) {
    var node = 0
    for segment in PathIndex.segments(path) { node = child(of: node, segment) }
    nodes[node].row = row
  }

  /// All paths with their rows.
  var all: [(name: [UInt8], row: Int)] {
    var found: [(name: [UInt8], row: Int)] = []
    var pending: [(node: Int, path: [UInt8])] = [(0, [])]
    while let (node, path) = pending.popLast() {
      if let row = nodes[node].row { found.append((path, row)) }
      for (segment, child) in nodes[node].children { pending.append((child, path + segment)) }
    }
    return found
  }

  /// Folds segments by a rule; returns which rows have become one, in the order in which that
  /// happened. `weights` are those of the rows.
  mutating func fold(_ weights: [Weight], _ rule: Rule) -> [Move] {
    var folding = Folding(rule: rule, weights: [Weight](repeating: .none, count: nodes.count))
    weigh(0, weights, &folding)
    fold(0, &folding)
    return folding.moves
  }

  /// Notes the requests of a node and all below it.
  @discardableResult
  private func weigh(_ node: Int, _ rows: [Weight], _ folding: inout Folding) -> Weight {
    var sum = nodes[node].row.map { rows[$0] } ?? .none
    for child in nodes[node].children.values { sum.add(weigh(child, rows, &folding)) }
    folding.weights[node] = sum
    return sum
  }

  /// One pass through the tree.
  private struct Folding {
    let rule: Rule
    /// Of each node, with all below it.
    var weights: [Weight]
    var moves: [Move] = []
  }

  private mutating func fold(_ node: Int, _ folding: inout Folding) {
    for isFound in [true, false] { fold(node, isFound: isFound, &folding) }
    for (_, child) in sorted(nodes[node].children) { fold(child, &folding) }
  }

  /// Folds the segments below a node that led somewhere, or those that did not.
  private mutating func fold(_ node: Int, isFound: Bool, _ folding: inout Folding) {
    var some: [(name: [UInt8], node: Int, count: UInt64)] = []
    for (name, child) in nodes[node].children where name != PathIndex.starSegment {
      let weight = folding.weights[child]
      if weight.isFound == isFound { some.append((name, child, weight.count)) }
    }
    some.sort {
      $0.count != $1.count ? $0.count > $1.count : $0.name.lexicographicallyPrecedes($1.name)
    }
    let kept: Int
    switch folding.rule {
    case .keeping(let most): kept = min(some.count, most)
    case .heavy:
      let hasFolded = nodes[node].hasFolded
      guard (isFound ? hasFolded.found : hasFolded.lost) || some.count > PathIndex.mostDifferent
      else { return }
      let share = node == 0 ? PathIndex.keptShare.root : PathIndex.keptShare.inner
      let least = folding.weights[node].count / share + 1
      kept = isFound ? some.prefix { $0.count >= least }.count : 0
    }
    guard kept < some.count else { return }
    if isFound { nodes[node].hasFolded.found = true } else { nodes[node].hasFolded.lost = true }
    let star = child(of: node, PathIndex.starSegment)
    if star == folding.weights.count { folding.weights.append(.none) }
    for one in some[kept...] {
      nodes[node].children[one.name] = nil
      merge(one.node, into: star, &folding)
    }
  }

  private func sorted(_ children: [[UInt8]: Int]) -> [(key: [UInt8], value: Int)] {
    children.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  private mutating func child(of node: Int, _ segment: [UInt8]) -> Int {
    if let child = nodes[node].children[segment] { return child }
    let child = free.popLast() ?? nodes.count
    if child == nodes.count { nodes.append(Node()) }
    nodes[child] = Node()
    nodes[node].children[segment] = child
    return child
  }

  private mutating func merge(_ node: Int, into other: Int, _ folding: inout Folding) {
    let given = nodes[node]
    nodes[node] = Node()
    free.append(node)
    folding.weights[other].add(folding.weights[node])
    folding.weights[node] = .none
    if let row = given.row {
      if let target = nodes[other].row {
        folding.moves.append(Move(from: row, to: target))
      } else {
        nodes[other].row = row
      }
    }
    if given.hasFolded.found { nodes[other].hasFolded.found = true }
    if given.hasFolded.lost { nodes[other].hasFolded.lost = true }
    for (segment, child) in sorted(given.children) {
      if let same = nodes[other].children[segment] {
        merge(child, into: same, &folding)
      } else {
        nodes[other].children[segment] = child
      }
    }
  }

  /// The parts of a path, each with its slash before it.
  private static func segments(_ path: ArraySlice<UInt8>) -> [[UInt8]] {
    var segments: [[UInt8]] = []
    for byte in path {
      if byte == UInt8(ascii: "/") || segments.isEmpty { segments.append([]) }
      segments[segments.count - 1].append(byte)
    }
    return segments.isEmpty ? [[]] : segments
  }
}
