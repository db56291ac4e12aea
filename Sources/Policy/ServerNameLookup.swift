import Basics
import HTTP

/// Which server a host name belongs to (nginx's `server_name`).
///
/// One pass over the host from its end computes the hash of every suffix on the way, so that each
/// wildcard that could match costs one probe, and the whole name one more: the cost depends on the
/// host's length only, not on the number of servers.
extension ServerNameTable {
  /// The table of `names` as they stand in the conf file, in the memory of `arena`.
  ///
  /// `example.com` is exact, `*.example.com` stands for all names that end so, `.example.com` for
  /// both, `www.example.*` for all that begin so; an empty name is that of requests without a host.
  /// Case and a final dot do not matter. Of equal names the first one counts, and one written out
  /// counts before one that `.example.com` brings along. `hasExpressions`: names beside these are
  /// regular expressions, which somebody else knows.
  public init(
    names: [(name: String, server: Int)], hasExpressions: Bool = false, arena: Arena
  ) {
    var tails: [(isExact: Bool, path: String, location: Int)] = []
    var exact = Builder()
    var suffixes = Builder()
    var implied = Builder()
    for (name, server) in names {
      let bytes = ServerNameTable.canonical(Array(name.utf8))
      if bytes.starts(with: [UInt8(ascii: "*"), dot]) {
        suffixes.insert(Array(bytes.dropFirst()), server)
      } else if name.hasSuffix(".*") {
        tails.append((false, name.dropLast().lowercased(), server))
      } else if bytes.first == dot {
        suffixes.insert(bytes, server)
        implied.insert(Array(bytes.dropFirst()), server)
      } else {
        exact.insert(bytes, server)
      }
    }
    for (name, server) in implied.entries { exact.insert(name, server) }
    self.exact = exact.freeze(in: arena)
    self.suffixes = suffixes.freeze(in: arena)
    unmatched =
      tails.isEmpty && !hasExpressions ? ServerNameTable.none : ServerNameTable.undecided
    self.tails = LocationTable(entries: tails, unmatched: ServerNameTable.none, arena: arena)
  }

  /// What `find` says when the default server is meant.
  public static var none: Int { -1 }
  /// What `find` says when `findTail` and then the regular expressions are to be asked.
  public static var undecided: Int { -2 }

  /// The server of the longest `x.*` that `host` belongs to, given in lowercase without its port
  /// and without a final dot; else `none`.
  public func findTail(_ host: Span<UInt8>) -> Int { tails.find(host) }

  /// The server of `host`, given as it came, without its port: an exact name first, else the
  /// longest `*.x`; else `none` or `undecided`.
  public func find(_ host: Span<UInt8>) -> Int {
    if exact.isEmpty && suffixes.isEmpty { return unmatched }
    var position = host.count
    if position > 0 && host[position &- 1] == dot { position &-= 1 }
    // Longer ones are no names of servers; stopping here bounds the work that a client can cause.
    guard position <= Limits.serverNameBytes else { return ServerNameTable.none }
    let name = host.extracting(0..<position)
    var hash = NameHash()
    var wildcard = unmatched
    while position > 0 {
      position &-= 1
      let byte = name[position]
      hash.append(byte)
      if byte == dot && position > 0 && !suffixes.isEmpty {
        let server = suffixes.server(of: name.extracting(position..<name.count), hash)
        if server >= 0 { wildcard = server }
      }
    }
    if !exact.isEmpty {
      let server = exact.server(of: name, hash)
      if server >= 0 { return server }
    }
    return wildcard
  }

  /// A name in lowercase, without a final dot.
  private static func canonical(_ name: [UInt8]) -> [UInt8] {
    let lowercased = name.map(lowercase)
    return lowercased.last == dot ? lowercased.dropLast() : lowercased
  }
}

private let dot = UInt8(ascii: ".")

@inline(__always) private func lowercase(_ byte: UInt8) -> UInt8 {
  byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

extension FrozenArray<ServerNameTable.Entry> {
  /// The server in the slot of `name`; -1 when there is none. The table is never more than half
  /// full, so that a free slot ends the search soon.
  @inline(__always) fileprivate func server(of name: Span<UInt8>, _ hash: NameHash) -> Int {
    var slot = hash.slot(of: count)
    while self[slot].server >= 0 {
      if FieldNameMatch.equalIgnoringCase(self[slot].name.span, name) { return self[slot].server }
      slot = (slot &+ 1) & (count &- 1)
    }
    return -1
  }
}

/// A hash of bytes taken from the last to the first: that of each suffix falls out on the way. It
/// needs no secret: only the conf file decides what stands in the tables, so a client can't make
/// them slow.
private struct NameHash {
  /// FNV-1a, 64 bits.
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  @inline(__always) mutating func append(_ byte: UInt8) {
    // Setting one bit makes letters of both cases equal, and other bytes that names never have.
    state = (state ^ UInt64(byte | 0x20)) &* 0x0000_0100_0000_01B3
  }

  /// The first slot to look at in a table of `count` slots, a power of two.
  @inline(__always) func slot(of count: Int) -> Int {
    // The best mixed bits of a product are the upper ones.
    Int(truncatingIfNeeded: (state &* 0x9E37_79B9_7F4A_7C15) &>> 32) & (count &- 1)
  }
}

/// Collects names, the first of equal ones only, and lays them out as a hash table.
private struct Builder {
  private(set) var entries: [(name: [UInt8], server: Int)] = []
  private var known: Set<[UInt8]> = []

  mutating func insert(_ name: [UInt8], _ server: Int) {
    if known.insert(name).inserted { entries.append((name, server)) }
  }

  func freeze(in arena: Arena) -> FrozenArray<ServerNameTable.Entry> {
    guard !entries.isEmpty else { return .empty }
    var count = 2
    while count < entries.count * 2 { count *= 2 }
    var slots = Array(repeating: ServerNameTable.Entry.free, count: count)
    for (name, server) in entries {
      var hash = NameHash()
      for byte in name.reversed() { hash.append(byte) }
      var slot = hash.slot(of: count)
      while slots[slot].server >= 0 { slot = (slot + 1) & (count - 1) }
      slots[slot] = ServerNameTable.Entry(name: arena.freeze(name), server: server)
    }
    return arena.freeze(slots)
  }
}
