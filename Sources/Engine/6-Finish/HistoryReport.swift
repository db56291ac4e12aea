// The history of a request in the error log: when it ended before its time, took longer than
// `slow_log`, or is one that `debug_request` names.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Notes a step of an exchange.
  @inline(__always) mutating func note(
    _ event: ExchangeHistory.Event, _ exchange: ExchangePointer, _ value: Int = 0,
    try number: Int = 0
  ) {
    exchange.pointee.history.note(event, at: now, value, try: number)
  }

  /// Reports the history of an exchange that has just ended, if somebody needs it.
  @inline(__always) mutating func reportHistory(_ exchange: ExchangePointer) {
    let isTerminated = exchange.pointee.record.termination.party != .nobody
    let isSlow = exchange.pointee.record.duration > exchange.pointee.plan.pointee.history.slowerThan
    guard isTerminated || isSlow || exchange.pointee.plan.pointee.history.isWatching else { return }
    reportHistory(exchange, isSlow: isSlow)
  }

  @inline(never) private mutating func reportHistory(_ exchange: ExchangePointer, isSlow: Bool) {
    let isAskedFor = isSlow || isWatched(exchange)
    let termination = exchange.pointee.record.termination
    guard isAskedFor || termination.party != .nobody else { return }
    if termination.party != .nobody { keepFailure(exchange) }
    let (upstreams, titles) = (tables.upstreams, tables.rewriteTitles)
    let level = historyLevel(exchange)
    report(level, "history", exchange, exchange.pointee.downstream, isAskedFor: isAskedFor) {
      line in
      Self.writeHistory(exchange, upstreams, titles, .standard, into: &line)
      line.append(exchange.pointee.history.isEmpty ? "end +" : ", end +")
      line.append(microsecondsAsSeconds: exchange.pointee.record.duration.microseconds)
      line.append(" status ")
      line.append(decimal: UInt64(exchange.pointee.record.status))
      guard termination.party != .nobody else { return }
      line.append(" by ")
      line.append(termination.partyName)
      line.append(" in ")
      line.append(termination.phaseName)
    }
  }

  /// Writes the history of an exchange, with the names of the peers that it has asked.
  static func writeHistory(
    _ exchange: ExchangePointer, _ upstreams: FrozenArray<UpstreamPlan>,
    _ titles: FrozenArray<FrozenBytes>, _ escape: LogEscape, into writer: inout ByteWriter
  ) {
    let redirectCount = Int(exchange.pointee.serving?.pointee.redirectCount ?? 0)
    exchange.pointee.history.write(
      since: exchange.pointee.start, redirectCount: redirectCount, titles: titles, into: &writer
    ) {
      peer, redirects, writer in
      let upstream = exchange.pointee.askedUpstream(after: redirects)
      guard upstream < upstreams.count else { return }
      let peers = upstreams[upstream].peers
      if peer < peers.count { writer.appendEscaped(peers[peer].name.span, escape) }
    }
  }

  /// Clients that leave or err are everyday life; what a peer or Waybill spoiled is an error.
  private mutating func historyLevel(_ exchange: ExchangePointer) -> LogLevel {
    let status = exchange.pointee.record.status
    switch exchange.pointee.record.termination.party {
    case .nobody, .operator: return .warn
    case .client: return .info
    case .upstream, .proxy: return (400..<500).contains(status) ? .info : .error
    }
  }

  /// True for a request that `debug_request` names.
  private mutating func isWatched(_ exchange: ExchangePointer) -> Bool {
    let history = exchange.pointee.plan.pointee.history
    guard history.isWatching else { return false }
    if history.clients.contains(exchange.pointee.record.client) { return true }
    for index in history.requestIDs.indices {
      let wanted = history.requestIDs[index]
      if exchange.pointee.record.requestID.equals(wanted.span) { return true }
      if exchange.pointee.record.clientRequestID.equals(wanted.span) { return true }
    }
    return false
  }
}
