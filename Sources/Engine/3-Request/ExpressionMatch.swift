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
      case .exhausted: return false
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
        case .exhausted: return false
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

  private mutating func match(
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
    case .matched, .exhausted:
      reportUndecided(expression, exchange)
      return .exhausted
    }
  }

  @inline(never) private mutating func reportUndecided(
    _ expression: UnsafePointer<ExpressionPlan>, _ exchange: ExchangePointer
  ) {
    // The server's rules hold, as no location is known. The line must have the ID that the client
    // sees.
    keepRequestID(exchange)
    report(.error, "expression", exchange, exchange.pointee.downstream) { line in
      line.append("the regular expression \"")
      line.append(expression.pointee.pattern.span)
      line.append("\" was given up on this request: it takes too many steps, make it simpler")
    }
  }

  /// Keeps what the groups of an expression that has just matched hold of `subject`; false when
  /// there is no room.
  private mutating func keepGroups(
    _ expression: UnsafePointer<ExpressionPlan>, _ subject: Span<UInt8>,
    _ exchange: ExchangePointer
  ) -> Bool {
    precondition(exchange.isLive, "keepGroups: the exchange has ended")
    exchange.pointee.record.groupCount = 0
    guard tables.keepsGroups, expression.pointee.groupCount > 0 else { return true }
    guard let start = keepSubject(subject, exchange) else { return false }
    exchange.pointee.record.hasCaptures = true
    let count = min(expression.pointee.groupCount, exchange.pointee.record.groups.count)
    for index in 0..<count {
      exchange.pointee.record.groups[index] = matches.keptRange(ofGroup: index + 1, start)
    }
    exchange.pointee.record.groupCount = UInt8(count)
    let named = expression.pointee.namedGroups
    for index in named.indices {
      exchange.pointee.record.namedGroups[named[index].slot] = matches.keptRange(
        ofGroup: named[index].number, start)
    }
    return true
  }

  /// Copies a subject behind what is kept already, so that its groups outlive it. Returns where it
  /// lies; nil when no buffer holds it.
  private mutating func keepSubject(_ subject: Span<UInt8>, _ exchange: ExchangePointer) -> Int? {
    let start = Int(exchange.pointee.record.matchedByteCount)
    let end = start + subject.count
    if exchange.pointee.capturedBuffer.capacity < end + Limits.capturedBytes {
      guard let size = Buffer.Size(holding: end + Limits.capturedBytes) else { return nil }
      let larger = buffers.take(size)
      if let old = exchange.pointee.capturedBuffer.base {
        larger.base?.copyMemory(from: old, byteCount: start)
      }
      buffers.giveBack(&exchange.pointee.capturedBuffer)
      exchange.pointee.capturedBuffer = larger
    }
    let room = exchange.pointee.capturedBuffer.bytes
    precondition(end + Limits.capturedBytes <= room.count, "keepSubject: the buffer is too small")
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: room[start...]))
    writer.append(subject)
    exchange.pointee.record.matchedByteCount = UInt32(end)
    exchange.pointee.capturedCount = UInt32(end)
    exchange.pointee.capturedUpstreamCount = UInt32(end)
    return start
  }
}

extension MatchSpace {
  /// Room for the matches of all expressions of a plan.
  init(_ expressions: FrozenArray<ExpressionPlan>) {
    self.init(groupCount: expressions.indices.map { expressions[$0].groupCount }.max())
  }

  /// Where a group of the last match lies once its subject is copied to `start`. One that took no
  /// part is empty, as in nginx.
  fileprivate func keptRange(ofGroup group: Int, _ start: Int) -> ByteRange {
    guard let range = range(ofGroup: group) else { return .empty }
    return ByteRange(start: start + range.lowerBound, count: range.count)
  }
}
