import Basics

/// Counts of one group of requests.
public struct GroupCounts: Sendable {
  /// All requests.
  public var requests: UInt64 = 0
  /// Those with level ERROR: status 499 and above, or an error.
  public var failed: UInt64 = 0
  /// Those of which the line says how long they took.
  public var timed: UInt64 = 0
  /// Their durations together.
  public var microseconds: UInt64 = 0
  /// The longest duration.
  public var longest: UInt64 = 0

  mutating func add(failed isFailed: Bool, microseconds duration: UInt64?) {
    requests &+= 1
    if isFailed { failed &+= 1 }
    guard let duration else { return }
    timed &+= 1
    microseconds &+= duration
    longest = max(longest, duration)
  }

  mutating func merge(_ other: GroupCounts) {
    requests &+= other.requests
    failed &+= other.failed
    timed &+= other.timed
    microseconds &+= other.microseconds
    longest = max(longest, other.longest)
  }
}

/// Groups by a name that stands in the lines, found without making a String of it.
///
/// Open addressing; when the table is full of names, further ones are counted as `others`, so that
/// a client that invents hosts can't fill the memory.
public struct GroupTable: Sendable {
  private static var slots: Int { 8192 }
  private static var mostNames: Int { 4096 }
  /// Longer names are cut.
  private static var longestName: Int { 256 }

  private var slotOfHash = [Int32](repeating: -1, count: slots)
  private var hashes: [UInt64] = []
  private var names: [[UInt8]] = []
  private var counts: [GroupCounts] = []
  /// Requests whose names found no place.
  public private(set) var others = GroupCounts()

  /// No groups yet.
  public init() {}

  /// Counts a request for the group that `name` names.
  mutating func add(_ name: Span<UInt8>, failed: Bool, microseconds: UInt64?) {
    let cut = name.extracting(first: min(name.count, GroupTable.longestName))
    guard let index = index(of: cut) else {
      others.add(failed: failed, microseconds: microseconds)
      return
    }
    counts[index].add(failed: failed, microseconds: microseconds)
  }

  /// Adds what another table has counted.
  mutating func merge(_ other: GroupTable) {
    for (name, added) in zip(other.names, other.counts) {
      if let index = index(of: name.span) {
        counts[index].merge(added)
      } else {
        others.merge(added)
      }
    }
    others.merge(other.others)
  }

  /// The groups, the one with the most requests first.
  public var all: [(name: [UInt8], counts: GroupCounts)] {
    zip(names, counts).map { ($0, $1) }.sorted {
      $0.counts.requests != $1.counts.requests
        ? $0.counts.requests > $1.counts.requests : $0.name.lexicographicallyPrecedes($1.name)
    }
  }

  /// The group of that name, a new one if need be; nil when there is no place.
  private mutating func index(of name: Span<UInt8>) -> Int? {
    let hash = GroupTable.hash(name)
    var slot = Int(truncatingIfNeeded: hash & UInt64(GroupTable.slots - 1))
    while slotOfHash[slot] >= 0 {
      let index = Int(slotOfHash[slot])
      if hashes[index] == hash, isName(index, name) { return index }
      slot = (slot + 1) & (GroupTable.slots - 1)
    }
    guard names.count < GroupTable.mostNames else { return nil }
    slotOfHash[slot] = Int32(names.count)
    names.append(name.indices.map { name[$0] })
    hashes.append(hash)
    counts.append(GroupCounts())
    return names.count - 1
  }

  private func isName(_ index: Int, _ name: Span<UInt8>) -> Bool {
    guard names[index].count == name.count else { return false }
    for place in name.indices where names[index][place] != name[place] { return false }
    return true
  }

  /// FNV-1a, its upper half folded into the lower one, which chooses the slot.
  private static func hash(_ name: Span<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in name.indices { hash = (hash ^ UInt64(name[index])) &* 0x100_0000_01B3 }
    return hash ^ hash >> 32
  }
}
