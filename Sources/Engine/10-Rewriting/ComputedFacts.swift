// Variables that are looked up in the connection, or in the process, only when they are asked for.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS
import Telemetry

extension Worker where K: ~Copyable {
  /// Looks a fact up. One that does not exist leaves the variable without a value.
  @inline(never) mutating func computeFact(
    _ fact: ComputedFact?, _ slot: Int, _ exchange: ExchangePointer
  ) {
    guard let fact else { preconditionFailure("computeFact: no such fact") }
    switch fact {
    case .connectionsActive: setCount(clientCounts().active, slot, exchange)
    // Clients count as reading only until their head is whole, which it is here.
    case .connectionsReading: setCount(0, slot, exchange)
    case .connectionsWaiting: setCount(clientCounts().idle, slot, exchange)
    case .connectionsWriting:
      let (active, idle) = clientCounts()
      setCount(active - idle, slot, exchange)
    case .upstreamResponseLength: computeResponseLengths(slot, exchange)
    case .sslALPNProtocol: setDetail(.applicationProtocol, slot, exchange)
    case .sslCiphers: setDetail(.clientCiphers, slot, exchange)
    case .sslCurve: setDetail(.group, slot, exchange)
    case .sslCurves: setDetail(.clientGroups, slot, exchange)
    case .sslSessionID: setDetail(.sessionID, slot, exchange)
    case .sslClientIssuerLegacy: setDetail(.peerIssuer, slot, exchange)
    case .sslClientSubjectLegacy: setDetail(.peerSubject, slot, exchange)
    case .sslClientValidFrom: setDetail(.peerValidFrom, slot, exchange)
    case .sslClientValidUntil: setDetail(.peerValidUntil, slot, exchange)
    case .sslClientRemainingDays: setDetail(.peerRemainingDays, slot, exchange)
    }
  }

  /// Connections of clients to all workers, and those of them that carry no request.
  private mutating func clientCounts() -> (active: UInt64, idle: UInt64) {
    // This worker's own number is that of the last turn.
    countIdleClients()
    return metrics.share.metrics.clientCounts
  }

  private mutating func setCount(_ count: UInt64, _ slot: Int, _ exchange: ExchangePointer) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { memory in
      var writer = ByteWriter(memory)
      writer.append(decimal: count)
      setValue(slot, keep(writer.span, exchange) ?? .empty, computingState(exchange))
    }
  }

  private mutating func setDetail(
    _ detail: TLSDetail, _ slot: Int, _ exchange: ExchangePointer
  ) {
    guard let link = exchange.pointee.downstream.pointee.tls else { return }
    var range: ByteRange?
    link.pointee.session.with(detail) { bytes in
      range = keep(bytes.assumingMemoryBound(to: UInt8.self).span, exchange)
    }
    if let range { setValue(slot, range, computingState(exchange)) }
  }

  /// `$upstream_response_length`: what came of the content, chunks as they are. Of tries that were
  /// followed by others none is used.
  private mutating func computeResponseLengths(_ slot: Int, _ exchange: ExchangePointer) {
    let count = min(exchange.pointee.record.tryCount, Limits.tries)
    guard count > 0 else { return }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24 + 4 * Limits.tries) { memory in
      var writer = ByteWriter(memory)
      for index in 0..<count {
        if index > 0 {
          writer.append(exchange.pointee.record.startsUpstream(index) ? " : " : ", ")
        }
        let isLast = index == count - 1
        writer.append(decimal: isLast ? exchange.pointee.responseReader.takenCount : 0)
      }
      setValue(slot, keep(writer.span, exchange) ?? .empty, computingState(exchange))
    }
  }
}
