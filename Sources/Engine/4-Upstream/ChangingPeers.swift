// Upstreams whose peers change while a worker serves: those with servers whose names are looked up
// (`resolve`), and those that only variables name. A peer keeps its number as long as anything
// knows it by that; what has left the DNS gets nothing new.

import Basics
import HTTP
import Names
import Plan
import Platform
import Policy
import Telemetry

/// A name that makes peers of an upstream.
struct ResolvedServer {
  let hold: NameHold
  /// What its peers are like but for their addresses.
  let template: Peer
  /// Their port, unless SRV records say one.
  let port: UInt16
  /// How long requests wait for it.
  let timeout: Interval
  /// The version of the name that its peers are of; 0 before it has any.
  var version: UInt64 = 0
  /// No place was left for some of its addresses.
  var lacksPlaces = false
  /// The numbers of its peers, those included that stand for nobody now.
  var peers: [Int] = []
}

/// What changes in the peers of some upstreams.
struct ChangingPeers: ~Copyable {
  /// Where an upstream's names lie, and who makes its peers.
  struct Upstream {
    /// Memory for the text of each peer's address; empty for those that never change.
    var names: [FrozenBytes]
    var servers: [ResolvedServer] = []
  }

  /// By the upstream's number.
  var upstreams: [Int: Upstream] = [:]
  let arena = Arena()

  /// Nobody: weight 0 takes it out of all sums, `down` out of all choices.
  static let nobody = Peer(
    address: .unix, unixPath: .empty, name: .empty, weight: 0, maximumFailures: 0, isDown: true)

  /// Gives the upstreams of a plan whose names are looked up peers of their own in `tables`.
  init(_ tables: inout PlanTables) {
    guard tables.upstreams.indices.contains(where: { !tables.upstreams[$0].resolved.isEmpty })
    else { return }
    var plans = tables.upstreams.indices.map { tables.upstreams[$0] }
    for index in plans.indices where !plans[index].resolved.isEmpty {
      let fixed = plans[index].peers.indices.map { plans[index].peers[$0] }
      let count = plans[index].resolved.count * Limits.computedPeers
      plans[index].peers = arena.freeze(fixed + Array(repeating: Self.nobody, count: count))
      upstreams[index] = Upstream(
        names: fixed.map { _ in .empty } + (0..<count).map { _ in room() })
    }
    tables.upstreams = arena.freeze(plans)
  }

  /// Memory for the text of an address.
  func room() -> FrozenBytes {
    arena.freeze(Array(repeating: UInt8(0), count: Limits.computedPeerNameBytes))
  }
}

extension Worker where K: ~Copyable {
  /// Keeps the names that the plan's upstreams need, and takes what is known of them.
  mutating func holdNames() {
    guard let directory = settings.names, let mailbox = settings.nameMailbox else { return }
    directory.subscribe(mailbox)
    for upstream in plan.tables.upstreams.indices {
      let resolved = plan.tables.upstreams[upstream].resolved
      for index in resolved.indices {
        let question = question(resolved[index])
        // A name of the plan finds a place: those that only requests name give way.
        guard let name = directory.find(question) else { continue }
        let server = ResolvedServer(
          hold: directory.hold(name, isPinned: true, at: now), template: resolved[index].template,
          port: resolved[index].port, timeout: resolved[index].timeout)
        changing.upstreams[upstream]?.servers.append(server)
      }
    }
    takeNewAddresses()
  }

  private func question(_ server: ResolvedServerPlan) -> NameQuestion {
    NameQuestion(
      name: Array(server.name), isService: server.isService,
      resolver: resolvers[server.resolver])
  }

  /// Brings all peers up to what is known of their names.
  mutating func takeNewAddresses() {
    guard let directory = settings.names else { return }
    for upstream in Array(changing.upstreams.keys) {
      let count = changing.upstreams[upstream]?.servers.count ?? 0
      for index in 0..<count {
        guard let server = changing.upstreams[upstream]?.servers[index],
          server.hold.name.version != server.version || server.lacksPlaces,
          let (addresses, version) = directory.addresses(of: server.hold.name, at: now)
        else { continue }
        take(addresses, version, upstream, server: index)
      }
    }
  }

  /// Makes these addresses the peers of a server.
  mutating func take(
    _ addresses: [NameAddress], _ version: UInt64, _ upstream: Int, server index: Int
  ) {
    guard let server = changing.upstreams[upstream]?.servers[index] else {
      preconditionFailure("take: the upstream has no such server")
    }
    changing.upstreams[upstream]?.servers[index].version = version
    var missing: [NameAddress] = []
    var kept: Set<Int> = []
    for var address in addresses {
      if address.address.port == 0 { address.address.port = server.port }
      let peers = tables.upstreams[upstream].peers
      let place = server.peers.first {
        peers[$0].weight > 0 && peers[$0].address == address.address
          && peers[$0].isBackup == (address.isBackup || server.template.isBackup)
      }
      if let place {
        kept.insert(place)
        setWeight(weight(of: address, server), upstream, place)
      } else {
        missing.append(address)
      }
    }
    for place in server.peers where !kept.contains(place) { retirePeer(upstream, place) }
    let quoted = missing.isEmpty ? [] : quotedNames()
    var lacksPlaces = false
    for address in missing {
      guard let place = freePeer(upstream, server: index, quoted) else {
        lacksPlaces = true
        break
      }
      begin(address, server, upstream, place)
    }
    changing.upstreams[upstream]?.servers[index].lacksPlaces = lacksPlaces
    if lacksPlaces && !server.lacksPlaces { reportFullUpstream(upstream) }
    judgeByNumber(upstream)
  }

  /// Gives a peer another weight: a lower one holds at once, round robin comes to a higher one step
  /// by step.
  private mutating func setWeight(_ weight: UInt32, _ upstream: Int, _ index: Int) {
    peer(upstream, index).pointee.weight = weight
    let state = upstreams.states(of: upstream).baseAddress.unsafelyUnwrapped + index
    state.pointee.effectiveWeight = min(state.pointee.effectiveWeight, Int64(weight))
  }

  private func peer(_ upstream: Int, _ index: Int) -> UnsafeMutablePointer<Peer> {
    // The table is this worker's own: see `ChangingPeers.init` and `ComputedUpstreams.init`.
    UnsafeMutablePointer(mutating: tables.upstreams[upstream].peers.address(of: index))
  }

  private func weight(of address: NameAddress, _ server: ResolvedServer) -> UInt32 {
    // As in nginx, weight 0 counts as the least there is.
    address.weight.map { UInt32(max(1, $0)) * server.template.weightUnit }
      ?? server.template.weight
  }

  private mutating func begin(
    _ address: NameAddress, _ server: ResolvedServer, _ upstream: Int, _ index: Int
  ) {
    guard let room = changing.upstreams[upstream]?.names[index], !room.isEmpty else {
      preconditionFailure("begin: a peer that never changes")
    }
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(
        start: UnsafeMutablePointer(mutating: room.address(of: 0)), count: room.count))
    address.address.writeWithPort(into: &writer)
    var peer = server.template
    peer.address = address.address
    peer.name = room.prefix(writer.count)
    peer.weight = weight(of: address, server)
    peer.isBackup = peer.isBackup || address.isBackup
    self.peer(upstream, index).pointee = peer
    upstreams.restart(upstream, peer: index, peer)
    takeHealth(ofNew: index, upstream)
  }

  /// Gives an upstream that never changes its only peer.
  mutating func setOnlyPeer(_ upstream: Int, _ address: PeerAddress, path: Span<UInt8>) {
    guard let room = changing.upstreams[upstream]?.names[0] else {
      preconditionFailure("setOnlyPeer: it has no room for a name")
    }
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(
        start: UnsafeMutablePointer(mutating: room.address(of: 0)), count: room.count))
    if address.family == .unix {
      writer.append("unix:")
      writer.append(path)
    } else {
      address.writeWithPort(into: &writer)
    }
    let name = room.prefix(writer.count)
    let peer = Peer(
      address: address, unixPath: address.family == .unix ? name.suffix(from: 5) : .empty,
      name: name, maximumFailures: 0)
    self.peer(upstream, 0).pointee = peer
    upstreams.restart(upstream, peer: 0, peer)
  }

  /// Has nothing new go to a peer: what runs goes on, what is idle is closed.
  private mutating func retirePeer(_ upstream: Int, _ index: Int) {
    let peer = peer(upstream, index)
    peer.pointee.isDown = true
    peer.pointee.weight = 0
    peer.pointee.maximumFailures = 0
    let states = upstreams.states(of: upstream)
    states[index].apply(.removed, of: peer.pointee, at: now)
    closeIdle(upstream, index)
  }

  /// Closes the idle connections of a peer; no request begins on those that carry some.
  mutating func closeIdle(_ upstream: Int, _ index: Int) {
    while let idle = upstreams.newestIdle(upstream, index) { closePooled(idle) }
    closeSessions(upstream, index)
  }

  /// A place that stands for nobody any more, and that no line to come quotes; a new one when there
  /// is none; nil when there are too many.
  private mutating func freePeer(
    _ upstream: Int, server index: Int, _ quoted: Set<UnsafePointer<UInt8>>
  ) -> Int? {
    let own = changing.upstreams[upstream]?.servers[index].peers ?? []
    for place in own where tables.upstreams[upstream].peers[place].weight == 0 {
      // A connection whose last request ended since then lies in the pool again.
      closeIdle(upstream, place)
      guard upstreams.states(of: upstream)[place].active == 0,
        let room = changing.upstreams[upstream]?.names[place], !quoted.contains(room.address(of: 0))
      else { continue }
      return place
    }
    let taken = Set(changing.upstreams[upstream]?.servers.flatMap(\.peers) ?? [])
    let count = tables.upstreams[upstream].peers.count
    let names = changing.upstreams[upstream]?.names ?? []
    let new = (0..<count).first { !taken.contains($0) && !names[$0].isEmpty }
    guard let place = new ?? addPeers(upstream) else { return nil }
    changing.upstreams[upstream]?.servers[index].peers.append(place)
    return place
  }

  /// Where the names of peers lie that the lines of exchanges under way will quote.
  private func quotedNames() -> Set<UnsafePointer<UInt8>> {
    var quoted: Set<UnsafePointer<UInt8>> = []
    for slot in exchanges.touched {
      guard let exchange = exchanges.element(at: slot), exchange.isLive else { continue }
      let last = exchange.pointee.record.upstream
      if !last.isEmpty { quoted.insert(last.address(of: 0)) }
      for number in 0..<min(exchange.pointee.record.tryCount, Limits.tries) {
        let peer = exchange.pointee.record.tries[number].peer
        if !peer.isEmpty { quoted.insert(peer.address(of: 0)) }
      }
    }
    return quoted
  }

  /// Makes places for as many peers again; returns the first new one, nil when there are too many.
  private mutating func addPeers(_ upstream: Int) -> Int? {
    let old = tables.upstreams[upstream].peers
    let count = min(2 * old.count, largestPeerCount(upstream))
    guard count > old.count else { return nil }
    let added = Array(repeating: ChangingPeers.nobody, count: count - old.count)
    let peers = changing.arena.freeze(old.indices.map { old[$0] } + added)
    for _ in added {
      let room = changing.room()
      changing.upstreams[upstream]?.names.append(room)
    }
    let plan = UnsafeMutablePointer(mutating: tables.upstreams.address(of: upstream))
    plan.pointee.peers = peers
    upstreams.grow(upstream, peers)
    return old.count
  }

  /// As in nginx, the only peer of an upstream never goes out of service.
  private mutating func judgeByNumber(_ upstream: Int) {
    let peers = tables.upstreams[upstream].peers
    let isAlone = peers.indices.count { peers[$0].weight > 0 } <= 1
    for server in changing.upstreams[upstream]?.servers ?? [] {
      for place in server.peers where peers[place].weight > 0 {
        let failures = isAlone ? 0 : server.template.maximumFailures
        peer(upstream, place).pointee.maximumFailures = failures
      }
    }
  }

  /// How many peers an upstream may have, those included that have left the DNS.
  private func largestPeerCount(_ upstream: Int) -> Int {
    upstream < computedUpstreams.first ? Limits.resolvedPeers : Limits.largestComputedPeers
  }

  private mutating func reportFullUpstream(_ upstream: Int) {
    let count = largestPeerCount(upstream)
    let name = tables.upstreams[upstream].name
    report(.error, "upstream", nil, nil) { line in
      line.append("upstream \"")
      line.appendEscaped(name.span, .standard)
      line.append("\" has more than ")
      line.append(decimal: UInt64(count))
      line.append(" addresses, with those that have left the DNS and still have requests")
    }
  }
}
