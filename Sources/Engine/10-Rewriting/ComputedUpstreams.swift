// Upstreams that no conf file declares: those that the variables of a `proxy_pass` come to. They
// lie behind the plan's own in a worker's table, so that everything that knows upstreams by their
// number serves them as well.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// The places for them, each of which has stood for another backend before.
struct ComputedUpstreams: ~Copyable {
  private struct Place: BitwiseCopyable {
    /// What it stands for; empty for nothing that could be found again.
    var hash: UInt64 = 0
    var port: UInt16 = 0
    var metrics = -1
    /// Which of the plan's resolvers its name was looked up by; -1 for an address.
    var resolver = -1
    var isFindable = false
    /// Exchanges that use it, whose lines quote its names.
    var users = 0
    var lastUse: UInt64 = 0
    /// All of its memory; what is in the upstream's plan are parts of it.
    var name = FrozenBytes.empty
  }

  /// The number of the first one.
  let first: Int
  private let places: UnsafeMutablePointer<Place>
  private let count: Int
  private let arena: Arena?
  private var uses: UInt64 = 0

  /// Adds the places to the tables of a plan that needs any, and their peers to `changing`.
  init(_ tables: inout PlanTables, _ changing: inout ChangingPeers) {
    first = tables.upstreams.count
    guard tables.computesUpstreams else {
      count = 0
      places = .allocate(capacity: 0)
      arena = nil
      return
    }
    count = Limits.computedUpstreams
    let arena = Arena()
    self.arena = arena
    places = .allocate(capacity: count)
    places.initialize(repeating: Place(), count: count)
    var plans = tables.upstreams.indices.map { tables.upstreams[$0] }
    for index in 0..<count {
      places[index].name = arena.freeze(
        Array(repeating: UInt8(0), count: Limits.computedNameBytes))
      let peers = Array(repeating: ChangingPeers.nobody, count: Limits.computedPeers)
      var names: [FrozenBytes] = []
      for _ in peers { names.append(changing.room()) }
      changing.upstreams[first + index] = ChangingPeers.Upstream(names: names)
      plans.append(
        UpstreamPlan(
          name: .empty, peers: arena.freeze(peers), method: .roundRobin,
          hashKey: Template(parts: .empty), idleConnections: Limits.idleUpstreamConnections,
          idleTimeout: Limits.idleUpstreamTimeout, keepaliveRequests: 1000))
    }
    tables.upstreams = arena.freeze(plans)
  }

  deinit { places.deallocate() }

  /// The number of the upstream that stands for a backend already; nil when none does.
  func find(
    _ name: Span<UInt8>, port: UInt16, metrics: Int, resolver: Int, _ tables: PlanTables
  ) -> Int? {
    let hash = Balancer.hash(of: name)
    for index in 0..<count where places[index].isFindable && places[index].hash == hash {
      guard places[index].port == port, places[index].metrics == metrics,
        places[index].resolver == resolver
      else { continue }
      let known = tables.upstreams[first + index].name
      if FieldNameMatch.equalIgnoringCase(known.span, name) { return first + index }
    }
    return nil
  }

  /// A place that nobody uses, the one that was used longest ago; nil when all are in use.
  func free() -> Int? {
    var oldest: Int?
    for index in 0..<count where places[index].users == 0 {
      if oldest.map({ places[index].lastUse < places[$0].lastUse }) ?? true { oldest = index }
    }
    return oldest.map { first + $0 }
  }

  /// Has an upstream stand for a backend: nothing of an earlier one may be in use any more.
  func assign(
    _ upstream: Int, name: Span<UInt8>, port: UInt16, metrics: Int, resolver: Int,
    _ tables: PlanTables
  ) {
    precondition(upstream >= first && upstream < first + count, "no computed upstream")
    let index = upstream - first
    precondition(places[index].users == 0, "an upstream in use can't become another one")
    let plan = UnsafeMutablePointer(mutating: tables.upstreams.address(of: upstream))
    let room = places[index].name
    let length = min(name.count, room.count)
    ComputedUpstreams.write(name.extracting(0..<length), to: room)
    plan.pointee.name = room.prefix(length)
    plan.pointee.metrics = metrics
    let peers = plan.pointee.peers
    for number in peers.indices {
      UnsafeMutablePointer(mutating: peers.address(of: number)).pointee = ChangingPeers.nobody
    }
    places[index].hash = Balancer.hash(of: name.extracting(0..<length))
    places[index].port = port
    places[index].metrics = metrics
    places[index].resolver = resolver
    places[index].isFindable = true
  }

  /// Writes into memory that `Arena` has made for names.
  static func write(_ bytes: Span<UInt8>, to room: FrozenBytes) {
    precondition(bytes.count <= room.count, "a name that does not fit its place")
    guard bytes.count > 0 else { return }
    let target = UnsafeMutablePointer(mutating: room.address(of: 0))
    for index in bytes.indices { target[index] = bytes[index] }
  }

  /// Has nobody find an upstream any more: its addresses have changed.
  func forget(_ upstream: Int) { places[upstream - first].isFindable = false }

  /// Notes that an exchange uses an upstream.
  mutating func retain(_ upstream: Int) {
    uses &+= 1
    places[upstream - first].users += 1
    places[upstream - first].lastUse = uses
  }

  /// Notes that an exchange that used it has ended.
  func release(_ upstream: Int) {
    precondition(places[upstream - first].users > 0, "an upstream is released once too often")
    places[upstream - first].users -= 1
  }

  /// How many exchanges use it.
  func users(of upstream: Int) -> Int { places[upstream - first].users }
}
