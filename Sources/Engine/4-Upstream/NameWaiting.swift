// Requests that wait for a name: the name servers are asked by a thread of their own, which tells
// the worker when there is an answer.

import Basics
import HTTP
import Names
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// The resolvers of a plan, as names are looked up by.
  static func resolvers(of plan: Plan) -> [ResolverSettings] {
    let plans = plan.tables.resolvers
    return plans.indices.map { index in
      var settings = ResolverSettings()
      settings.servers = plans[index].servers.indices.map { plans[index].servers[$0] }
      settings.validity = plans[index].validity
      settings.usesIPv4 = plans[index].usesIPv4
      settings.usesIPv6 = plans[index].usesIPv6
      return settings
    }
  }

  /// The addresses of a name; nil when the request was answered, or waits for them: then its first
  /// try begins again once there is an answer.
  mutating func lookUp(
    _ name: ResolvedName, for exchange: ExchangePointer, atMost timeout: Interval
  ) -> (addresses: [NameAddress], version: UInt64)? {
    precondition(exchange.pointee.response == .none, "lookUp: a response has begun")
    guard let directory = settings.names, let mailbox = settings.nameMailbox else {
      refuse(exchange, name, .failed(.other))
      return nil
    }
    nameTickets &+= 1
    let ticket = nameTickets &<< 32 | UInt64(exchange.pointee.slot)
    switch directory.look(name, at: now, ticket: ticket, mailbox) {
    case .addresses(let addresses, let version):
      exchange.pointee.serving?.pointee.nameWaitStart = nil
      return (addresses, version)
    case .absent: refuse(exchange, name, .absent)
    case .failed(let failure): refuse(exchange, name, .failed(failure))
    case .pending: suspend(exchange, for: name, ticket, atMost: timeout)
    }
    return nil
  }

  private mutating func suspend(
    _ exchange: ExchangePointer, for name: ResolvedName, _ ticket: UInt64,
    atMost timeout: Interval
  ) {
    let state = servingState(exchange)
    let start = state.pointee.nameWaitStart ?? now
    guard now - start < timeout else {
      return refuse(exchange, name, .failed(.timedOut))
    }
    state.pointee.nameWaitStart = start
    state.pointee.nameTicket = ticket
    state.pointee.awaitedName?.release()
    state.pointee.awaitedName = .passRetained(name)
    exchange.pointee.response = .pending
    startWaiting(
      exchange.pointee.client, for: .name,
      atMost: Interval(nanoseconds: timeout.nanoseconds - (now - start).nanoseconds))
  }

  /// Takes what has become known of names, and goes on with the requests that have waited for it.
  mutating func takeNames() {
    takeNewAddresses()
    for ticket in settings.nameMailbox?.take() ?? [] {
      // The request may have ended, and its slot be another one's.
      guard let exchange = exchanges.element(at: UInt32(truncatingIfNeeded: ticket)),
        exchange.isLive, exchange.pointee.response == .pending,
        let state = exchange.pointee.serving, state.pointee.nameTicket == ticket
      else { continue }
      state.pointee.nameTicket = 0
      exchange.pointee.response = .none
      stopWaiting(exchange.pointee.client)
      beginFirstTry(exchange)
    }
  }

  /// Answers a request that has waited for a name for too long.
  mutating func expireName(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .pending, "expireName: nothing was awaited")
    guard let state = exchange.pointee.serving, let name = state.pointee.awaitedName else {
      preconditionFailure("expireName: no name was awaited")
    }
    state.pointee.nameTicket = 0
    exchange.pointee.response = .none
    refuse(exchange, name.takeUnretainedValue(), .expired)
  }

  // MARK: Answers

  /// Why a request can't be passed to a name.
  enum NameTrouble {
    case absent
    case failed(NameFailure)
    /// `resolver_timeout`
    case expired
  }

  private mutating func refuse(
    _ exchange: ExchangePointer, _ name: ResolvedName, _ trouble: NameTrouble
  ) {
    let host = name.question.name
    refuse(exchange, host: host.span, trouble)
  }

  /// Answers a request whose backend's name has no address that could be used.
  mutating func refuse(
    _ exchange: ExchangePointer, host: Span<UInt8>, _ trouble: NameTrouble
  ) {
    let reason: StaticString
    var type = ErrorType.nameError
    switch trouble {
    case .absent: reason = "it has no address"
    case .failed(let failure):
      reason = failure.text
      if failure == .timedOut { type = .nameTimeout }
      if failure == .tooMany { type = .proxyOverloaded }
    case .expired:
      reason = "there was no answer within resolver_timeout"
      type = .nameTimeout
    }
    report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append("the host \"")
      line.appendEscaped(host, .standard)
      line.append("\" can't be used: ")
      line.append(reason)
    }
    refuse(exchange, 502, type, Termination(.proxy, .route))
  }

  /// Answers a request for which there is no peer, or has it wait for the names of some.
  @inline(never) mutating func beginWithoutPeer(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "beginWithoutPeer: a response has begun")
    let upstream = exchange.pointee.upstreamIndex
    let peers = tables.upstreams[upstream].peers
    let servers = changing.upstreams[upstream]?.servers ?? []
    if !servers.isEmpty, peers.indices.allSatisfy({ peers[$0].weight == 0 }) {
      return awaitPeers(exchange, servers)
    }
    reportNoPeer(exchange)
    refuse(exchange, 502, .destinationUnavailable, Termination(.proxy, .connect))
  }

  /// Looks at the names of an upstream of which no address is known.
  private mutating func awaitPeers(_ exchange: ExchangePointer, _ servers: [ResolvedServer]) {
    guard let directory = settings.names, let mailbox = settings.nameMailbox else {
      return refuse(exchange, servers[0].hold.name, .failed(.other))
    }
    takeNewAddresses()
    if let peer = selectPeer(exchange) { return beginTry(exchange, peer: peer) }
    nameTickets &+= 1
    let ticket = nameTickets &<< 32 | UInt64(exchange.pointee.slot)
    var awaited: ResolvedServer?
    var trouble = NameTrouble.absent
    for server in servers {
      switch directory.look(server.hold.name, at: now, ticket: ticket, mailbox) {
      case .addresses, .absent: break
      case .failed(let failure): trouble = .failed(failure)
      case .pending: awaited = server
      }
    }
    guard let awaited else {
      return refuse(exchange, servers[0].hold.name, trouble)
    }
    suspend(exchange, for: awaited.hold.name, ticket, atMost: awaited.timeout)
  }
}
