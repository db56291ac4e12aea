// What regular expressions decide: the server by the host, the location by the path. The groups of
// the last match stay with the exchange.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

extension Worker where K: ~Copyable {
  /// Sets `server` to that of the longest `x.*`, or of the first regular expression, that the
  /// request's host matches; leaves it when there is none. False when an expression took too long.
  @inline(never) mutating func findServerByExpression(
    _ exchange: ExchangePointer, _ listener: Int, _ server: inout Int
  ) -> Bool {
    let host = exchange.pointee.head.host
    let bytes = exchange.pointee.headBytes.span.extracting(host.offsets)
    return findServer(listener, host: bytes, exchange, &server)
  }

  /// The server that a client asks for by a name outside of any request; -1 when there is none of
  /// that name.
  mutating func server(named name: Span<UInt8>, listener: Int) -> Int {
    var server = tables.listeners[listener].serverNames.find(name)
    guard server == ServerNameTable.undecided else { return server }
    server = -1
    _ = findServer(listener, host: name, nil, &server)
    return server
  }

  private mutating func findServer(
    _ listener: Int, host: Span<UInt8>, _ exchange: ExchangePointer?, _ server: inout Int
  ) -> Bool {
    let hasFinalDot = !host.isEmpty && host[host.count &- 1] == UInt8(ascii: ".")
    let count = hasFinalDot ? host.count &- 1 : host.count
    guard count > 0, count <= Limits.serverNameBytes else { return true }
    // In lowercase, as nginx's expressions see it.
    var name = InlineBytes<256>()
    for index in 0..<count {
      let byte = host[index]
      let isCapital = byte &- UInt8(ascii: "A") < 26
      name.append(isCapital ? byte | 0x20 : byte)
    }
    let tail = tables.listeners[listener].serverNames.findTail(name.span)
    if tail >= 0 {
      server = tail
      return true
    }
    let names = tables.listeners[listener].nameExpressions
    for index in names.indices {
      switch match(names[index].expression, name.span, exchange) {
      case .none: continue
      case .exhausted:
        if let exchange { reportUndecided(names[index].expression, exchange) }
        return false
      case .matched:
        server = names[index].server
        return true
      }
    }
    return true
  }

  /// Finds the location in nginx's order: the expressions inside of the longest prefix first, then
  /// those of the levels around it, then the prefix itself, `candidate`. Within a location that an
  /// expression leads to, the search begins anew. False when an expression took too long.
  @inline(never) mutating func findLocationByExpression(
    _ exchange: ExchangePointer, _ candidate: Int
  ) -> Bool {
    precondition(candidate < tables.locations.count, "findLocationByExpression: no such location")
    let path = exchange.pointee.pathBytes
    var location = candidate
    var list = tables.locations[candidate].expressionList
    while list >= 0 {
      let entries = tables.expressionLists[list].locations
      var index = 0
      list = tables.expressionLists[list].next
      while index < entries.count {
        let entry = entries[index]
        index &+= 1
        switch match(entry.expression, path.span, exchange) {
        case .none: continue
        case .exhausted:
          reportUndecided(entry.expression, exchange)
          return false
        case .matched: break
        }
        location = entry.location
        list = -1
        guard entry.nested >= 0 else { break }
        location = tables.nestedLocations[entry.nested].find(path.span)
        if location < 0 {
          location = ~location
          list = tables.locations[location].expressionList
        }
        break
      }
    }
    exchange.pointee.plan = tables.locations.address(of: location)
    return true
  }

  /// Answers a request of which a regular expression could not decide who serves it.
  mutating func refuseUndecided(_ exchange: ExchangePointer) {
    precondition(exchange.isLive, "refuseUndecided: the exchange has ended")
    precondition(exchange.pointee.response == .none, "refuseUndecided: a response has begun")
    refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .route))
  }

  /// Says why it could not be decided who serves a request.
  @inline(never) private mutating func reportUndecided(
    _ expression: Int, _ exchange: ExchangePointer
  ) {
    // The server's rules hold, as no location is known. The line must have the ID that the client
    // sees.
    keepRequestID(exchange)
    reportExhausted(tables.expressions.address(of: expression), exchange)
  }

  /// Matches a subject that lies elsewhere. Its groups are kept if it does.
  mutating func match(
    _ index: Int, _ subject: Span<UInt8>, _ exchange: ExchangePointer?
  ) -> MatchOutcome {
    let expression = tables.expressions.address(of: index)
    let outcome = matches.match(
      handle: expression.pointee.handle, groupCount: expression.pointee.groupCount,
      isAnchored: expression.pointee.isAnchored, subject)
    guard let exchange else { return outcome }
    switch outcome {
    case .none: return .none
    case .matched where keepGroups(expression, subject, exchange): return .matched
    case .matched, .exhausted: return .exhausted
    }
  }
}

extension MatchSpace {
  /// Room for the matches of all expressions of a plan.
  init(_ expressions: FrozenArray<ExpressionPlan>) {
    self.init(groupCount: expressions.indices.map { expressions[$0].groupCount }.max())
  }
}
