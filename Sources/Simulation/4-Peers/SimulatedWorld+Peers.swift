import Basics
import HTTP

/// The number of a scripted client.
public struct ClientID: Hashable, Sendable {
  let index: Int
}

/// The number of a scripted backend.
public struct BackendID: Hashable, Sendable {
  let index: Int
}

/// Adding clients and backends to a world, and reading what they went through.
extension SimulatedWorld {
  /// Adds a client, which connects after `delay` (to whoever listens at `location` then) and does
  /// `actions`; at their end it closes. An action that awaits something longer than `patience` is
  /// given up. `address` is what it is known by; by default it is one of its own in 192.0.2.0/24.
  @discardableResult
  public func addClient(
    to location: Location, from address: PeerAddress? = nil,
    after delay: Interval = Interval(nanoseconds: 0), patience: Interval = .seconds(600),
    _ actions: [PeerAction]
  ) -> ClientID {
    var peer = ScriptedPeer(role: .client, actions: actions)
    peer.patience = patience
    peers.append(peer)
    unfinishedClientCount += 1
    let own = address ?? ephemeralAddress(low: 0xC000_0200 + UInt64(clients.count % 250) + 1)
    let travel = Interval(nanoseconds: delay.nanoseconds + network.latency.nanoseconds)
    clients.append(
      Client(
        peer: peers.count - 1, location: location, address: own,
        connectsUntil: now + travel + network.connectTimeout))
    add(.clientConnects(clients.count - 1), after: travel)
    return ClientID(index: clients.count - 1)
  }

  /// Adds a backend at `location`. Only the first one at a location is ever reached.
  @discardableResult
  public func addBackend(at location: Location, _ behaviour: BackendBehaviour) -> BackendID {
    backends.append(Backend(location: location, behaviour: behaviour))
    return BackendID(index: backends.count - 1)
  }

  /// Changes what a backend does with connects and requests that come from now on.
  public func setBehaviour(of backend: BackendID, _ behaviour: BackendBehaviour) {
    backends[backend.index].behaviour = behaviour
  }

  /// What a client went through.
  public func record(of client: ClientID) -> ConnectionRecord {
    record(ofPeer: clients[client.index].peer)
  }

  /// What a backend went through, by connection, in the order in which they were made.
  public func connections(of backend: BackendID) -> [ConnectionRecord] {
    backends[backend.index].connections.map { record(ofPeer: $0) }
  }

  /// The complete requests that a backend saw, connection by connection.
  public func requests(of backend: BackendID) -> [WireMessage] {
    connections(of: backend).flatMap(\.messages)
  }

  /// How often the program tried to connect to a backend, faults of the network not counted.
  public func connectAttempts(of backend: BackendID) -> Int { backends[backend.index].attempts }

  /// Ends all connections of a backend, as its restart does: `byReset` as a crash, else in order.
  public func endConnections(of backend: BackendID, byReset: Bool) {
    for peer in backends[backend.index].connections where !peers[peer].isFinished {
      if byReset, let endpoint = peers[peer].endpoint { abort(endpoint) }
      endScript(peer, .completed)
    }
  }

  /// A peer's record, with what the program did on its side of the connection.
  private func record(ofPeer index: Int) -> ConnectionRecord {
    var record = peers[index].record
    record.wireCount = peers[index].wireCount
    if let endpoint = peers[index].endpoint {
      let far = endpoints[endpoints[endpoint].peer]
      record.takenCount = far.readCount
      // In TLS, what has not been read may be nobody's content (a ticket), and places differ.
      record.writesOverUnread = peers[index].security == nil ? far.writesOverUnread : []
      record.admission = far.admission
    }
    return record
  }

  /// Makes a peer of a connection that a backend has accepted.
  func addBackendPeer(_ backend: Int, endpoint: Endpoint.ID) -> Int {
    let number = backends[backend].connections.count
    let actions = backends[backend].behaviour.onConnection(number)
    peers.append(
      ScriptedPeer(role: .backend(backend, connection: number), actions: actions))
    let index = peers.count - 1
    backends[backend].connections.append(index)
    openPeer(index, endpoint: endpoint)
    return index
  }

  /// Gives a peer its connection and lets it begin.
  func openPeer(_ index: Int, endpoint: Endpoint.ID) {
    peers[index].endpoint = endpoint
    peers[index].record.openedAt = now
    peers[index].record.remoteAddress = endpoints[endpoint].remoteAddress
    schedulePeer(index)
  }

  /// Tells a client that nobody listens.
  func refuse(_ index: Int) { endScript(index, .refused) }

  func isScripted(_ id: Endpoint.ID) -> Bool {
    if case .peer = endpoints[id].owner { true } else { false }
  }

  /// Lets a peer look at its connection soon.
  func schedulePeer(_ index: Int) {
    guard !peers[index].isStepScheduled, !peers[index].isFinished else { return }
    peers[index].isStepScheduled = true
    let jitter = faults.jitter.nanoseconds > 0 ? chance.below(Int(faults.jitter.nanoseconds)) : 0
    add(.stepPeer(index), after: Interval(nanoseconds: 1_000 + UInt64(jitter)))
  }
}
