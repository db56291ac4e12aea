import Basics
import HTTP
import Plan
import Platform
import Policy

/// A peer that is checked, whichever way its address became known.
struct ProbedPeer {
  var name: [UInt8]
  var address: PeerAddress
  var unixPath: FrozenBytes
}

/// One check of one peer, again and again.
struct ProbeTarget {
  /// What it is known by over a reload.
  struct Identity: Hashable {
    var key: PeerKey
    /// Which of the checks of its upstream.
    var place: Int
  }

  let identity: Identity
  /// Index into `checks`.
  let check: Int
  let address: PeerAddress
  let unixPath: FrozenBytes
  var progress: CheckProgress
  /// When its next check begins; when the one under way has to be over.
  var due = Instant(nanoseconds: 0)
  /// The check under way.
  var probe: Probe?
  /// Its address has left the DNS: its place is free for another one.
  var isGone = false
  /// `timeout` in words.
  let timeoutText: String

  init(_ plan: Plan, check number: Int, place: Int, _ peer: ProbedPeer) {
    let check = plan.tables.checks[number]
    let key = PeerKey(upstream: Array(plan.tables.upstreams[check.upstream].name), peer: peer.name)
    identity = Identity(key: key, place: place)
    self.check = number
    var address = peer.address
    if check.port != 0 { address.port = check.port }
    self.address = address
    unixPath = peer.unixPath
    progress = CheckProgress(check.rule)
    timeoutText = "\(check.timeout.nanoseconds / 1_000_000) ms"
  }

  /// Takes over what was known of the same peer before a reload.
  mutating func inherit(_ former: ProbeTarget) {
    precondition(former.identity == identity, "inherit: it is another peer")
    precondition(former.probe == nil, "inherit: a check of it is under way")
    progress = former.progress
    due = former.due
  }
}

/// A check under way.
struct Probe {
  /// How far it has come.
  enum Phase { case connecting, sending, reading }

  let token: UInt64
  let start: Instant
  var phase = Phase.connecting
  var descriptor = Descriptor.none
  var requestID = ""
  /// What is still to be sent.
  var output: [UInt8] = []
  /// What has come.
  var input: [UInt8] = []

  init(token: UInt64, start: Instant) {
    self.token = token
    self.start = start
  }
}

/// When which target is due: a heap, so that ten thousand of them cost little.
struct ProbeQueue {
  private var items: [(due: Instant, index: Int)] = []

  /// The earliest time; nil when nothing waits.
  var first: Instant? { items.first?.due }

  mutating func insert(_ due: Instant, _ index: Int) {
    guard due != .never else { return }
    items.append((due, index))
    var place = items.count - 1
    while place > 0, items[place].due < items[(place - 1) / 2].due {
      items.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Takes one whose time has come.
  mutating func takeDue(_ now: Instant) -> Int? {
    guard let first = items.first, first.due <= now else { return nil }
    items.swapAt(0, items.count - 1)
    items.removeLast()
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < items.count && items[child].due < items[least].due { least = child }
      guard least != place else { return first.index }
      items.swapAt(place, least)
      place = least
    }
  }
}

/// What the prober is told by other threads.
public final class ProbeOrders: Sendable {
  private let plan = Guarded<Plan?>(nil)
  private let adoptions = Guarded(0)
  private let isEnding = Guarded(false)

  /// Nothing yet.
  public init() {}

  /// The next configuration. The prober has to be woken.
  public func adopt(_ plan: Plan) { self.plan.withLock { $0 = plan } }

  /// That it shall end. The prober has to be woken.
  public func end() { isEnding.withLock { $0 = true } }

  /// How many configurations have been taken.
  public var adoptionCount: Int { adoptions.current }

  func noteAdoption() { adoptions.withLock { $0 += 1 } }

  var hasEnded: Bool { isEnding.current }

  func take() -> Plan? {
    plan.withLock { plan in
      defer { plan = nil }
      return plan
    }
  }
}
