import Basics
import HTTP
import Platform

/// A listening socket of the program under test.
struct Listener {
  let location: Location
  let backlog: Int
  /// Connections that are made but not accepted.
  var queue: [Endpoint.ID] = []
  var isOpen = true
}

/// How connections come about: clients reach the program's listeners, the program reaches backends.
extension SimulatedWorld {
  /// Opens a listening socket, as the process does before its workers start. At most `backlog`
  /// connections wait in it.
  public func listen(on location: Location, backlog: Int = 511) -> Descriptor {
    listeners.append(Listener(location: location, backlog: backlog))
    return openDescriptor(.listener(listeners.count - 1))
  }

  /// A client's connect arrives: it waits in the listener's queue now, is refused, or comes again.
  func connectClient(_ index: Int) {
    let client = clients[index]
    guard
      let listener = listeners.firstIndex(where: { $0.isOpen && $0.location == client.location })
    else { return refuse(client.peer) }
    guard listeners[listener].queue.count < listeners[listener].backlog else {
      return retryClient(index)
    }
    let (near, far) = makePair(from: client.address, to: client.location)
    endpoints[near].owner = .peer(client.peer)
    endpoints[far].owner = .listener(listener)
    establish(near, far)
    listeners[listener].queue.append(far)
    record(.clientConnects, index, near)
    openPeer(client.peer, endpoint: near)
  }

  /// Begins a connect of the program; returns its end.
  func beginConnect(to location: Location) -> Endpoint.ID {
    let (near, _) = makePair(from: ephemeralAddress(), to: location)
    let backend = backends.firstIndex { $0.location == location }
    let outcome = connectOutcome(backend: backend)
    let delay = outcome == .silent ? network.connectTimeout : roundTrip(near, backend: backend)
    schedule.add(
      .settleConnect(near, backend: backend, outcome: outcome), at: now + delay,
      tieBreak: chance.next(), isBackground: outcome == .silent)
    return near
  }

  /// What is to become of the next connect to `backend`; nobody listens where there is none.
  func connectOutcome(backend: Int?) -> ConnectOutcome {
    guard let backend else { return .refused }
    if strikes(.refusedConnects, faults.refusedConnects) { return .refused }
    if strikes(.silentConnects, faults.silentConnects) { return .silent }
    backends[backend].attempts += 1
    return backends[backend].behaviour.connectOutcome(backends[backend].attempts - 1)
  }

  /// The answer to a connect of the program arrives.
  func settleConnect(_ id: Endpoint.ID, backend: Int?, outcome: ConnectOutcome) {
    // Closed before it was made: the backend never sees it.
    guard endpoints[id].owner != .nobody else { return }
    record(.settle, id, outcome == .accepted ? 1 : 0)
    switch outcome {
    case .accepted: accept(id, backend: backend)
    case .refused: fail(id, .connectionRefused)
    case .unreachable: fail(id, .hostUnreachable)
    case .silent: fail(id, .connectTimedOut)
    }
    wake(id)
  }

  /// A backend accepts the connection of which `id` is the program's end.
  func accept(_ id: Endpoint.ID, backend: Int?) {
    guard let backend else { return }
    let far = endpoints[id].peer
    establish(id, far)
    endpoints[far].owner = .peer(addBackendPeer(backend, endpoint: far))
  }

  /// An address of 127.0.0.1 that no other connection has.
  func ephemeralAddress(low: UInt64 = 0x7F00_0001) -> PeerAddress {
    lastEphemeralPort &+= 1
    return PeerAddress(family: .ipv4, high: 0, low: low, port: lastEphemeralPort)
  }

  /// The listener's queue was full, which looks to the client as if nobody answered.
  private func retryClient(_ index: Int) {
    if now >= clients[index].connectsUntil {
      endScript(clients[index].peer, .gaveUp(action: 0))
    } else {
      add(.clientConnects(index), after: network.connectRetry)
    }
  }

  private func roundTrip(_ id: Endpoint.ID, backend: Int?) -> Interval {
    let extra = backend.map { backends[$0].behaviour.connectDelay } ?? Interval(nanoseconds: 0)
    let there = transferTime(from: id).nanoseconds
    return Interval(nanoseconds: there + transferTime(from: id).nanoseconds + extra.nanoseconds)
  }

  private func fail(_ id: Endpoint.ID, _ error: KernelError) {
    endpoints[id].stage = .broken
    endpoints[id].error = error
  }

  private func establish(_ near: Endpoint.ID, _ far: Endpoint.ID) {
    endpoints[near].stage = .established
    endpoints[far].stage = .established
  }

  /// Two ends that know each other; the first one is that of who connects.
  func makePair(from address: PeerAddress, to location: Location) -> (
    near: Endpoint.ID, far: Endpoint.ID
  ) {
    let near = endpoints.count
    let local = location.isUnix ? .unix : address
    let remote = location.address
    endpoints.append(
      Endpoint(
        peer: near + 1, isUnix: location.isUnix, owner: .nobody, localAddress: local,
        remoteAddress: remote, receiveBuffer: bufferSize(network.receiveBuffer),
        sendBuffer: bufferSize(network.sendBuffer)))
    endpoints.append(
      Endpoint(
        peer: near, isUnix: location.isUnix, owner: .nobody, localAddress: remote,
        remoteAddress: local, receiveBuffer: bufferSize(network.receiveBuffer),
        sendBuffer: bufferSize(network.sendBuffer)))
    return (near, near + 1)
  }

  private func bufferSize(_ usual: Int) -> Int {
    strikes(.tinyBuffers, faults.tinyBuffers) ? 1 + chance.below(faults.largestTinyBuffer) : usual
  }
}
