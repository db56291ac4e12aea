import Basics
import HTTP

/// What belongs to ranges of addresses, of which the narrowest counts: `geo`. A look-up takes time
/// in proportion to the logarithm of the number of ranges.
public struct AddressTable: Sendable, BitwiseCopyable {
  /// From this address on, up to the next entry's, `value` holds.
  public struct Entry: Sendable, BitwiseCopyable {
    var high: UInt64
    var low: UInt64
    var value: Int32
  }

  private var internet4: FrozenArray<Entry>
  private var internet6: FrozenArray<Entry>

  /// The table of `networks`, of which a later one replaces an equal one, in the memory of `arena`.
  public init(_ networks: [(network: Network, value: Int32)], arena: Arena) {
    func entries(_ family: PeerAddress.Family) -> FrozenArray<Entry> {
      let ranges = networks.filter { $0.network.address.family == family }.map {
        AddressSpan(network: $0.network, value: $0.value)
      }
      return arena.freeze(AddressTable.flattened(ranges))
    }
    internet4 = entries(.ipv4)
    internet6 = entries(.ipv6)
  }

  /// The table of ranges of IPv4 addresses, given as numbers. Where they overlap the later one
  /// counts.
  public init(ranges: [(first: UInt32, last: UInt32, value: Int32)], arena: Arena) {
    var edges: [UInt64] = []
    for range in ranges { edges += [UInt64(range.first), UInt64(range.last) + 1] }
    edges = Array(Set(edges)).sorted()
    var values = Array(repeating: Int32(-1), count: edges.count)
    // Ranges seldom overlap, so each covers few edges.
    for range in ranges {
      var index = AddressTable.lowerBound(edges, UInt64(range.first))
      while index < edges.count, edges[index] <= UInt64(range.last) {
        values[index] = range.value
        index += 1
      }
    }
    internet4 = arena.freeze(
      edges.indices.map { Entry(high: 0, low: edges[$0], value: values[$0]) })
    internet6 = .empty
  }

  private static func lowerBound(_ sorted: [UInt64], _ value: UInt64) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// What belongs to `address`; -1 for nothing.
  public func find(_ address: PeerAddress) -> Int {
    let entries = address.family == .ipv6 ? internet6 : internet4
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low &+ high) / 2
      let entry = entries[middle]
      let isBehind =
        entry.high != address.high ? entry.high > address.high : entry.low > address.low
      if isBehind { high = middle } else { low = middle &+ 1 }
    }
    return low > 0 ? Int(entries[low &- 1].value) : -1
  }

  /// The ranges side by side. Of two of them one lies in the other, or they have nothing in common.
  private static func flattened(_ ranges: [AddressSpan]) -> [Entry] {
    let sorted = ranges.enumerated().sorted { one, other in
      if one.element.first != other.element.first {
        return one.element.first < other.element.first
      }
      if one.element.last != other.element.last { return one.element.last > other.element.last }
      return one.offset < other.offset
    }.map(\.element)
    var entries: [Entry] = []
    var open: [AddressSpan] = []
    func close(before first: UInt128?) {
      while let inner = open.last, first.map({ inner.last < $0 }) ?? true {
        open.removeLast()
        guard inner.last < .max else { continue }
        append(inner.last + 1, open.last?.value ?? -1)
      }
    }
    func append(_ first: UInt128, _ value: Int32) {
      let entry = Entry(
        high: UInt64(truncatingIfNeeded: first >> 64), low: UInt64(truncatingIfNeeded: first),
        value: value)
      if let last = entries.last, last.high == entry.high, last.low == entry.low {
        entries.removeLast()
      }
      entries.append(entry)
    }
    for range in sorted {
      close(before: range.first)
      append(range.first, range.value)
      open.append(range)
    }
    close(before: nil)
    return entries
  }
}

/// A network as its first and its last address.
private struct AddressSpan {
  var first: UInt128
  var last: UInt128
  var value: Int32

  init(network: Network, value: Int32) {
    let address = network.address
    first = UInt128(address.high) << 64 | UInt128(address.low)
    let bits = (address.family == .ipv6 ? 128 : 32) - Int(network.prefixLength)
    last = first + (bits == 128 ? .max : (UInt128(1) << UInt128(bits)) - 1)
    self.value = value
  }
}
