import Basics
import HTTP
import Platform

/// The system calls on sockets, with the results that Linux gives.
extension SimulatedWorld {
  func accept(_ descriptor: Descriptor) -> AcceptResult {
    guard case .listener(let listener) = kind(of: descriptor, "accept") else {
      preconditionFailure("accept: descriptor \(descriptor.number) is no listener")
    }
    guard let id = listeners[listener].queue.first else { return .wouldBlock }
    if now < acceptsFailUntil || hasNoFreeDescriptor
      || strikes(.exhaustedAccepts, faults.exhaustedAccepts)
    {
      return .exhausted(.tooManyDescriptors)
    }
    listeners[listener].queue.removeFirst()
    if strikes(.abortedAccepts, faults.abortedAccepts) {
      abort(id)
      endpoints[id].owner = .nobody
      return .aborted
    }
    calls.connectionsAccepted += 1
    endpoints[id].wasAccepted = true
    return .connection(adopt(id), peer: endpoints[id].remoteAddress)
  }

  func connect(to location: Location) -> ConnectResult {
    if hasNoFreeDescriptor || strikes(.exhaustedConnects, faults.exhaustedConnects) {
      return .failed(.tooManyDescriptors)
    }
    return location.isUnix ? connectUnix(location) : .inProgress(adopt(beginConnect(to: location)))
  }

  func localAddress(_ descriptor: Descriptor) -> PeerAddress {
    endpoints[endpoint(of: descriptor, "localAddress")].localAddress
  }

  /// SO_ERROR: reading it clears it.
  func takeError(_ descriptor: Descriptor) -> KernelError? {
    let id = endpoint(of: descriptor, "pendingError")
    defer { endpoints[id].error = nil }
    return endpoints[id].error
  }

  func read(_ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
    precondition(!buffer.isEmpty, "read: no room")
    let id = endpoint(of: descriptor, "read")
    let amount = endpoints[id].received.take(into: buffer)
    if amount > 0 {
      endpoints[id].readCount += amount
      if endpoints[id].received.isEmpty { endpoints[id].hasReportedUnread = false }
      reportReading(id)
      return .bytes(amount)
    }
    if endpoints[id].hasReceivedEnd { return .end }
    if let error = takeError(descriptor) { return .failed(error) }
    return endpoints[id].stage == .broken ? .end : .wouldBlock
  }

  func write(_ descriptor: Descriptor, _ parts: WriteParts) -> WriteResult {
    let id = endpoint(of: descriptor, "write")
    if let error = takeError(descriptor) { return .failed(error) }
    if endpoints[id].stage == .broken || endpoints[id].hasFinished || isCutUnix(id) {
      return .failed(.brokenPipe)
    }
    if parts.count == 0 { return .bytes(0) }
    guard endpoints[id].stage == .established, endpoints[id].room > 0 else {
      endpoints[id].awaitsRoom = true
      return .wouldBlock
    }
    let amount = amountTaken(id, of: parts.count)
    if endpoints[id].hasReportedUnread {
      endpoints[id].writesOverUnread.append(endpoints[id].writtenCount)
    }
    endpoints[id].writtenCount += amount
    transmit(gather(parts, amount), from: id)
    return .bytes(amount)
  }

  func unacknowledgedBytes(_ descriptor: Descriptor) -> Int {
    let endpoint = endpoints[endpoint(of: descriptor, "unacknowledgedBytes")]
    return endpoint.isUnix ? 0 : endpoint.underWay.count + endpoint.lost
  }

  func shutdownWriting(_ descriptor: Descriptor) {
    let id = endpoint(of: descriptor, "shutdownWriting")
    guard endpoints[id].stage == .established else { return }
    finish(id)
    // Linux reports the change to the one who made it, too.
    wake(id)
  }

  /// Gives the program a descriptor for an endpoint.
  private func adopt(_ id: Endpoint.ID) -> Descriptor {
    let descriptor = openDescriptor(.connection(id))
    endpoints[id].owner = .program(descriptor)
    return descriptor
  }

  /// A unix socket is connected, or refused, before connect() returns.
  private func connectUnix(_ location: Location) -> ConnectResult {
    let backend = backends.firstIndex { $0.location == location }
    guard backend != nil else { return .failed(.noSuchFile) }
    switch connectOutcome(backend: backend) {
    case .refused, .unreachable, .silent: return .failed(.connectionRefused)
    case .accepted: break
    }
    let id = makePair(from: .unix, to: location).near
    let descriptor = adopt(id)
    accept(id, backend: backend)
    return .connected(descriptor)
  }

  /// A unix socket knows at once that its peer has closed.
  private func isCutUnix(_ id: Endpoint.ID) -> Bool {
    endpoints[id].isUnix && endpoints[endpoints[id].peer].owner == .nobody
  }

  /// How much of a write is taken: what there is room for, and less when a fault squeezes it.
  /// Either way a short write is followed by an event, for that is what the caller relies on.
  private func amountTaken(_ id: Endpoint.ID, of wanted: Int) -> Int {
    var amount = min(wanted, endpoints[id].room)
    if amount > 1, strikes(.squeezedWrites, faults.squeezedWrites) {
      amount = 1 + chance.below(amount - 1)
      endpoints[id].isSqueezed = true
      add(.endSqueeze(id), after: network.latency)
    }
    if amount < wanted { endpoints[id].awaitsRoom = true }
    return amount
  }

  /// The first `amount` bytes of all parts.
  private func gather(_ parts: WriteParts, _ amount: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(amount)
    for part in [parts.first, parts.second, parts.third] {
      bytes.append(contentsOf: part.prefix(amount - bytes.count))
    }
    return bytes
  }
}
