// A request as an object for people and programs that ask about it: the members of its access line,
// and what no access line says (where it is now, what happened to it, its head without secrets).

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Writes the line of an exchange under way.
  mutating func writeRunning(
    _ exchange: ExchangePointer, isDetailed: Bool, into writer: inout ByteWriter
  ) {
    precondition(exchange.isLive, "writeRunning: the exchange has ended")
    bringUpToDate(exchange)
    let head = arrivedHead(exchange)
    writeEntry(exchange, head, into: &writer)
    writer.append(",\"phase\":\"")
    writer.append(Termination(.nobody, phase(of: exchange)).phaseName)
    writer.append("\",\"worker\":")
    writer.append(decimal: UInt64(settings.number))
    writeDeadline(exchange, into: &writer)
    if isDetailed { writeDetails(exchange, head, into: &writer) }
    writer.append("}\n")
  }

  /// Remembers an exchange that has ended before its time.
  @inline(never) mutating func keepFailure(_ exchange: ExchangePointer) {
    precondition(
      exchange.pointee.record.termination.party != .nobody, "keepFailure: it has not failed")
    guard let failures = settings.failures else { return }
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.failureBytes]))
    let head = UnsafeBufferPointer(
      rebasing: exchange.pointee.headBytes.prefix(Int(exchange.pointee.arrivedHeadCount)))
    writeEntry(exchange, head, into: &writer)
    writeDetails(exchange, head, into: &writer)
    writer.append("}\n")
    if !writer.overflowed { failures.add(Array(writer.written)) }
  }

  /// Fills in what the record learns only at the end as a rule.
  private mutating func bringUpToDate(_ exchange: ExchangePointer) {
    precondition(exchange.isLive, "bringUpToDate: the exchange has ended")
    if exchange.pointee.upstream != nil { noteTry(exchange, error: .none) }
    exchange.pointee.record.endTime = 0
    exchange.pointee.record.duration = now - exchange.pointee.start
    if exchange.pointee.request == .head {
      exchange.pointee.record.hasRequestLine = !exchange.pointee.head.target.isEmpty
    }
  }

  /// The bytes of the head that have come. While it is being read they are its connection's.
  private mutating func arrivedHead(_ exchange: ExchangePointer) -> UnsafeBufferPointer<UInt8> {
    exchange.pointee.request == .head && exchange.pointee.headBuffer.isNone
      ? exchange.pointee.client.pointee.inputBytes
      : UnsafeBufferPointer(
        rebasing: exchange.pointee.headBytes.prefix(Int(exchange.pointee.arrivedHeadCount)))
  }

  /// Writes the access line as JSON, without its last brace. A head that is too long for the line
  /// is left out: what it begins with is shown apart.
  private mutating func writeEntry(
    _ exchange: ExchangePointer, _ head: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter
  ) {
    for limit in [Limits.shownHeadBytes, 256, 0] {
      let part = UnsafeBufferPointer(rebasing: head[..<min(head.count, limit)])
      let nothing = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
      let bytes = ExchangeBytes(head: part.span, path: nothing.span, captured: nothing.span)
      let start = writer.count
      LogFormat(kind: .json).write(
        &exchange.pointee.record, head: &exchange.pointee.head, bytes: bytes, into: &writer)
      let room = 4 * Limits.shownHeadBytes
      if !writer.overflowed && writer.remaining > room { break }
      writer.truncate(to: start)
    }
    if writer.count > 2 { writer.truncate(to: writer.count - 2) }
  }

  /// Which timeout will end it, and in how many seconds.
  private mutating func writeDeadline(_ exchange: ExchangePointer, into writer: inout ByteWriter) {
    let client = exchange.pointee.client
    let connections = [exchange.pointee.upstream, client]
    for case let connection? in connections where connection.pointee.deadline != .never {
      let speaksGRPC = exchange.pointee.plan.pointee.speaksGRPC
      guard let directive = connection.pointee.wait.directive(speaksGRPC) else { continue }
      writer.append(",\"timeout\":\"")
      writer.append(directive)
      writer.append("\",\"timeout_in\":")
      let left = max(connection.pointee.deadline, now) - now
      writer.append(microsecondsAsSeconds: left.microseconds)
      return
    }
  }

  /// What happened, what was malformed, and the head.
  private mutating func writeDetails(
    _ exchange: ExchangePointer, _ head: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter
  ) {
    writeFault(exchange, head, into: &writer)
    writer.append(",\"history\":\"")
    Self.writeHistory(
      exchange, tables.upstreams, tables.rewriteTitles, .json, into: &writer)
    writer.append("\",\"head_bytes\":")
    writer.append(decimal: UInt64(head.count))
    writer.append(",\"head\":\"")
    writer.appendMasked(head: head.span, limit: Limits.shownHeadBytes)
    writer.append("\"")
  }

  /// Says which byte is malformed, and where it stands if that is in the request's head.
  private mutating func writeFault(
    _ exchange: ExchangePointer, _ head: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter
  ) {
    let isRequest = exchange.pointee.history.requestFault != nil
    guard
      let fault = exchange.pointee.history.requestFault ?? exchange.pointee.history.responseFault
    else { return }
    writer.append(",\"malformed\":\"")
    writer.append(isRequest ? "request" : "response")
    writer.append("\",\"offset\":")
    writer.append(decimal: UInt64(fault.offset))
    let offset = Int(fault.offset)
    if isRequest && offset < head.count {
      let before = head[..<offset]
      let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      writer.append(",\"line\":")
      writer.append(decimal: UInt64(before.count { $0 == UInt8(ascii: "\n") } + 1))
      writer.append(",\"column\":")
      writer.append(decimal: UInt64(offset - lineStart + 1))
    }
    writer.append(",\"reason\":\"")
    writer.append(fault.reason)
    writer.append("\"")
  }
}

extension Connection.Wait {
  /// The directive that limits it; nil where none does.
  fileprivate func directive(_ speaksGRPC: Bool) -> StaticString? {
    switch self {
    case .connect where speaksGRPC: "grpc_connect_timeout"
    case .upstreamSend where speaksGRPC: "grpc_send_timeout"
    case .upstreamRead where speaksGRPC, .requestContent where speaksGRPC: "grpc_read_timeout"
    case .requestHead: "client_header_timeout"
    case .requestContent: "client_body_timeout"
    case .clientSend: "send_timeout"
    case .pause: "limit_rate"
    case .name: "resolver_timeout"
    case .connect: "proxy_connect_timeout"
    case .upstreamSend: "proxy_send_timeout"
    case .upstreamRead, .tunnel: "proxy_read_timeout"
    case .nothing, .proxyHeader, .handshake, .firstRequest, .nextRequest, .poolIdle, .lingering,
      .halfClosed, .admission, .signOfLife:
      nil
    }
  }
}
