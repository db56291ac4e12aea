import Basics
import HTTP
import Policy

/// An upstream as a worker holds it, for tests that play requests against it.
final class Upstream {
  let peers: FrozenArray<Peer>
  private let arena: Arena
  var states: [PeerState]
  let method: BalancingMethod

  init(
    _ method: BalancingMethod = .roundRobin, peers configured: [ConfiguredPeer]
  ) {
    let arena = Arena()
    let peers = configured.enumerated().map { $0.element.peer(number: $0.offset) }
    self.arena = arena
    self.peers = arena.freeze(peers)
    self.method = method
    states = peers.map(PeerState.init)
  }

  convenience init(_ method: BalancingMethod = .roundRobin, weights: [UInt32]) {
    self.init(method, peers: weights.map { ConfiguredPeer(weight: $0) })
  }

  func select(
    at seconds: Double = 0, tried: [Int] = [], random: UInt64 = 0, key: String = "",
    hashKey: UInt64? = nil
  ) -> Int? {
    var noted = TriedPeers()
    for peer in tried { noted.insert(peer) }
    var current = states
    defer { states = current }
    var span = current.mutableSpan
    return Balancer.select(
      method: method, peers: peers, states: &span, tried: noted, now: instant(seconds),
      random: random, hashKey: hashKey ?? Balancer.hash(of: bytes(key).span))
  }

  /// Selects and releases at once: a request that takes no time.
  func serve(
    at seconds: Double = 0, tried: [Int] = [], random: UInt64 = 0, key: String = ""
  ) -> Int? {
    let peer = select(at: seconds, tried: tried, random: random, key: key)
    if let peer { release(peer) }
    return peer
  }

  func release(_ peer: Int) {
    var current = states
    defer { states = current }
    var span = current.mutableSpan
    Balancer.released(peer: peer, states: &span)
  }

  func succeed(_ peer: Int) {
    var current = states
    defer { states = current }
    var span = current.mutableSpan
    Balancer.succeeded(peer: peer, peers: peers, states: &span, now: instant(0))
  }

  @discardableResult func fail(
    _ peer: Int, at seconds: Double = 0, isRefusal: Bool = false
  ) -> Bool {
    var current = states
    defer { states = current }
    var span = current.mutableSpan
    return Balancer.failed(
      peer: peer, peers: peers, states: &span, now: instant(seconds), reason: 1,
      isRefusal: isRefusal)
  }

  /// What `fail_open` chooses and releases at once.
  func serveFailed(at seconds: Double, tried: [Int] = []) -> (peer: Int, isOutage: Bool)? {
    var noted = TriedPeers()
    for peer in tried { noted.insert(peer) }
    var current = states
    defer { states = current }
    var span = current.mutableSpan
    let selected = Balancer.selectFailed(
      peers: peers, states: &span, tried: noted, now: instant(seconds))
    if let selected { Balancer.released(peer: selected.peer, states: &span) }
    return selected
  }

  func apply(_ event: PeerEvent, to peer: Int, at seconds: Double = 0) {
    states[peer].apply(event, of: peers[peer], at: instant(seconds))
  }

  func condition(_ peer: Int, at seconds: Double = 0) -> PeerCondition {
    states[peer].condition(of: peers[peer], at: instant(seconds))
  }

  /// A moment some seconds after the clock had run for an hour.
  private func instant(_ seconds: Double) -> Instant {
    Instant(nanoseconds: UInt64((3_600 + seconds) * 1_000_000_000))
  }
}

/// A `server` line of an `upstream`.
struct ConfiguredPeer {
  var weight: UInt32 = 1
  var maximumFailures: UInt32 = 1
  var failTimeout = Interval.seconds(10)
  var maximumConnections: UInt32 = 0
  var isBackup = false
  var isDown = false
  var slowStart = Interval(nanoseconds: 0)
  /// The last number of its address; its place in the list by default.
  var address: UInt64?

  func peer(number: Int) -> Peer {
    var peer = Peer(
      address: PeerAddress(
        family: .ipv4, high: 0, low: 0x0A00_0000 + (address ?? UInt64(number)), port: 80),
      unixPath: .empty, name: .empty, weight: weight, maximumFailures: maximumFailures,
      failTimeout: failTimeout, maximumConnections: maximumConnections, isBackup: isBackup,
      isDown: isDown)
    peer.slowStart = slowStart
    return peer
  }
}
