// Exchanges that Waybill begins in the name of a request, for another location: `auth_request`,
// `mirror`.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Makes a subrequest: it has the request's fields, and no content. It has not begun. Nil when
  /// there is no place for it, which is reported.
  mutating func makeSubrequest(
    _ purpose: SubrequestPurpose, of parent: ExchangePointer
  ) -> ExchangePointer? {
    precondition(parent.isLive, "makeSubrequest: the request has ended")
    precondition(parent.pointee.request != .head, "makeSubrequest: its head is not whole")
    let headCount = Int(parent.pointee.arrivedHeadCount)
    guard let size = Buffer.Size(holding: headCount),
      let subrequest = takeSubrequest(purpose, of: parent.pointee.downstream)
    else {
      report(.error, "subrequest", parent, parent.pointee.downstream) { line in
        line.append("a subrequest can't be made: too many requests are under way")
      }
      return nil
    }
    let server = parent.pointee.server
    let plan = fallbackLocation(of: server)
    let stream = subrequest.stream
    guard
      let (slot, exchange) = exchanges.take(
        initial: { _ in Exchange(client: stream, server: server, plan: plan) })
    else { preconditionFailure("makeSubrequest: there is no exchange for it") }
    exchange.pointee.slot = slot
    exchange.pointee.reset(client: stream, server: server, plan: plan)
    stream.pointee.exchange = exchange
    now = kernel.now()
    exchange.pointee.start = now
    exchange.pointee.record.describeSubrequest(of: parent.pointee.record, at: wall.microseconds)
    if parent.pointee.record.parts.contains(.trace) { passTrace(of: parent, to: exchange) }
    exchange.pointee.trustsForwardedFields = parent.pointee.trustsForwardedFields
    exchange.pointee.headBuffer = buffers.take(size)
    copyHead(of: parent, headCount, to: exchange)
    exchange.pointee.request = .complete
    // It has no line, unless `log_subrequest` asks for one.
    exchange.pointee.isLogged = true
    return exchange
  }

  /// Copies the head as the client sent it and reads it once more.
  private mutating func copyHead(
    of parent: ExchangePointer, _ count: Int, to exchange: ExchangePointer
  ) {
    let head = UnsafeRawBufferPointer(
      rebasing: UnsafeRawBufferPointer(parent.pointee.headBytes)[..<count])
    UnsafeMutableRawBufferPointer(exchange.pointee.headBuffer.bytes).copyMemory(from: head)
    exchange.pointee.headByteCount = UInt32(count)
    let limits = HeadLimits(
      maximumLineBytes: Limits.largestHeadBytes, maximumHeadBytes: Limits.largestHeadBytes,
      maximumFieldCount: FieldSection.capacity)
    let isWhole = try? exchange.pointee.head.parse(exchange.pointee.headBytes.span, limits: limits)
    precondition(isWhole == true, "copyHead: what was read can't be read again")
    if parent.pointee.head.version == .http2 { exchange.pointee.head.becomeHTTP2() }
    let isMirror = exchange.pointee.client.subrequest.pointee.purpose == .mirror
    exchange.pointee.head.becomeSubrequest(keepsMethod: isMirror)
  }

  /// Sends a subrequest to the location of a path. It may have ended when this returns.
  mutating func begin(
    subrequest exchange: ExchangePointer, at path: FrozenBytes, query: UnsafeBufferPointer<UInt8>?
  ) {
    precondition(exchange.pointee.client.pointee.isSubrequest, "begin: not a subrequest")
    path.span.withUnsafeBufferPointer { bytes in
      redirectInternally(exchange, path: bytes, .written, query)
    }
  }

  /// Ends a subrequest that nobody waits for any more.
  mutating func endUnwanted(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.client.pointee.isSubrequest, "endUnwanted: not a subrequest")
    if exchange.pointee.record.status == 0 { exchange.pointee.record.status = 499 }
    exchange.pointee.client.pointee.output.payloadCount = 0
    abandonTry(exchange)
    end(exchange)
  }

  /// Ends a subrequest whose record is complete: what `end` does for the exchange of a client.
  @inline(never) mutating func endSubrequest(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.upstream == nil, "endSubrequest: a backend is attached")
    let stream = exchange.pointee.client
    if stream.subrequest.pointee.parent != nil {
      answered(exchange, exchange.pointee.record.status, nil)
    }
    if exchange.pointee.plan.pointee.logsSubrequests {
      exchange.pointee.record.event = .subrequest
      writeAccessLines(exchange)
    }
    free(exchange)
    endSubrequestStream(stream)
  }

  /// Ends all that run, because the worker does.
  mutating func endSubrequests() {
    for slot in subrequests.touched {
      if let exchange = subrequests.element(at: slot)?.stream.pointee.exchange {
        endUnwanted(exchange)
      }
    }
    precondition(subrequests.count == 0, "endSubrequests: one is left")
  }
}
