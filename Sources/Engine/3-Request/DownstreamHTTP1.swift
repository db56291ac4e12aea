// Reading a request's head from a client, in whatever pieces it comes.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Reads and parses the head as far as its bytes have come; begins the exchange when it is
  /// complete.
  mutating func readHead(_ exchange: ExchangePointer) {
    assert(exchange.pointee.request == .head, "readHead: the head is whole")
    assert(!exchange.pointee.client.pointee.isMultiplexed, "readHead: a session reads it")
    let connection = exchange.pointee.downstream
    for _ in 0..<Limits.readsPerTurn {
      if connection.pointee.inputCount > 0, parseHead(exchange) { return }
      guard makeRoomForHead(exchange) else { return }
      switch receive(connection, .small) {
      case .bytes: continue
      case .nothing:
        if connection.pointee.flags.contains(.failed) { return abandonHead(exchange) }
        let timeout = tables.servers[exchange.pointee.server].headerTimeout
        // For the whole head, as nginx has it: bytes must not prolong it.
        connection.pointee.flags.remove(.progressed)
        joinReusable(connection)
        return startWaiting(connection, for: .requestHead, atMost: timeout)
      case .end, .failed: return abandonHead(exchange)
      }
    }
    enqueue(connection)
  }

  /// Parses what has come. True when the head is complete or refused, so that reading it has ended.
  @inline(__always) private mutating func parseHead(_ exchange: ExchangePointer) -> Bool {
    let connection = exchange.pointee.downstream
    let limits = tables.servers[exchange.pointee.server].headLimits
    exchange.pointee.headByteCount = UInt32(connection.pointee.inputCount)
    do throws(HTTP1Error) {
      let bytes = connection.pointee.inputBytes.span
      guard try exchange.pointee.head.parse(bytes, limits: limits) else { return false }
    } catch {
      keepHead(exchange, byteCount: connection.pointee.inputCount)
      refuse(exchange, error)
      return true
    }
    keepHead(exchange, byteCount: exchange.pointee.head.byteCount)
    begin(exchange)
    return true
  }

  /// Gives the buffer that the head lies in to the exchange; what came behind the head stays the
  /// connection's input, in the same buffer for as long as there is something.
  @inline(__always) mutating func keepHead(_ exchange: ExchangePointer, byteCount: Int) {
    assert(!exchange.pointee.sharesInput, "keepHead: the exchange holds it")
    let connection = exchange.pointee.downstream
    if connection.pointee.flags.contains(.reusable) { leaveReusable(connection) }
    if connection.pointee.inputStart > 0, let base = connection.pointee.input.base {
      // Offsets count from the head's first byte; after a PROXY protocol header it is not the
      // buffer's.
      base.copyMemory(
        from: base + Int(connection.pointee.inputStart), byteCount: connection.pointee.inputCount)
      connection.pointee.inputEnd &-= connection.pointee.inputStart
      connection.pointee.inputStart = 0
    }
    exchange.pointee.headBuffer = connection.pointee.input
    exchange.pointee.sharesInput = true
    exchange.pointee.headByteCount = UInt32(byteCount)
    connection.pointee.inputStart = UInt32(byteCount)
  }

  /// Sees to it that more of the head can be read; false when the exchange has ended over it.
  private mutating func makeRoomForHead(_ exchange: ExchangePointer) -> Bool {
    assert(exchange.pointee.request == .head, "makeRoomForHead: the head is whole")
    let connection = exchange.pointee.downstream
    let input = connection.pointee.input
    guard let base = input.base, Int(connection.pointee.inputEnd) == input.capacity else {
      return true
    }
    guard let size = Buffer.Size(holding: input.capacity + 1) else {
      // The largest head that a conf file may allow is as large as the largest buffer.
      keepHead(exchange, byteCount: connection.pointee.inputCount)
      refuse(exchange, HTTP1Error(.headTooLarge, at: connection.pointee.inputCount))
      return false
    }
    let larger = buffers.take(size)
    let count = connection.pointee.inputCount
    larger.base?.copyMemory(from: base + Int(connection.pointee.inputStart), byteCount: count)
    buffers.giveBack(&connection.pointee.input)
    connection.pointee.input = larger
    connection.pointee.inputStart = 0
    connection.pointee.inputEnd = UInt32(count)
    return true
  }

  /// Ends an exchange whose client left before its head was complete.
  private mutating func abandonHead(_ exchange: ExchangePointer) {
    assert(exchange.isLive, "abandonHead: the exchange has ended")
    keepArrivedHead(exchange)
    clientLeft(exchange)
  }

  /// Has an exchange hold what has come of its head, for its line and its answer to show.
  mutating func keepArrivedHead(_ exchange: ExchangePointer) {
    assert(exchange.pointee.request == .head, "keepArrivedHead: the head is whole")
    exchange.pointee.record.hasRequestLine = !exchange.pointee.head.target.isEmpty
    keepHead(exchange, byteCount: exchange.pointee.client.pointee.inputCount)
    keepRequestID(exchange)
  }

  /// Refuses a request that can't be read any further.
  mutating func refuse(_ exchange: ExchangePointer, _ error: HTTP1Error) {
    keepRequestID(exchange)
    let type = reportMalformed(exchange, error)
    refuse(exchange, error.requestStatus, type, Termination(.client, .requestHead))
  }

  /// Ends a request whose head is malformed, and whose stream is gone: nothing can be answered.
  mutating func refuseUnanswered(_ exchange: ExchangePointer, _ error: HTTP1Error) {
    let type = reportMalformed(exchange, error)
    endEarly(
      exchange, .always(error.requestStatus), type, Termination(.client, .requestHead), .orderly)
  }

  private mutating func reportMalformed(
    _ exchange: ExchangePointer, _ error: HTTP1Error
  ) -> ErrorType {
    assert(exchange.isLive, "refuse: the exchange has ended")
    assert(exchange.pointee.request == .head, "refuse: the head is whole")
    let offset = error.offset
    // The default server's, which answers.
    exchange.pointee.record.serverName = tables.servers[exchange.pointee.server].name
    exchange.pointee.record.hasRequestLine = !exchange.pointee.head.target.isEmpty
    note(.malformedRequest, exchange, Int(offset), try: Int(error.kind.rawValue))
    report(.error, "request", exchange, exchange.pointee.downstream) { line in
      line.append("refused: ")
      line.append(error.reason)
      line.append(", at byte ")
      line.append(decimal: UInt64(offset))
    }
    switch error.requestStatus {
    case 414, 431: return .httpRequestDenied
    default: return .httpRequestError
    }
  }
}
