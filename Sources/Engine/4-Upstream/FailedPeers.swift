// When no peer of an upstream is in service: the one that failed longest ago is tried
// (`fail_open`), or the error log tells of each why it is out.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// The peer that failed longest ago, where all have failed and the upstream fails openly.
  @inline(never) mutating func selectFailedPeer(_ exchange: ExchangePointer) -> Int? {
    let upstream = exchange.pointee.upstreamIndex
    guard tables.upstreams[upstream].failsOpen else { return nil }
    let peers = tables.upstreams[upstream].peers
    let table = upstreams.states(of: upstream)
    var states = table.mutableSpan
    let selected = Balancer.selectFailed(
      peers: peers, states: &states, tried: exchange.pointee.tried, now: now)
    guard let (peer, isOutage) = selected else { return nil }
    precondition(states[peer].active > 0, "selectFailedPeer: the peer is not counted")
    if isOutage {
      let name = tables.upstreams[upstream].name
      report(.warn, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append("all peers of upstream ")
        line.appendEscaped(name.span, .standard)
        line.append(" have failed; ")
        line.append(peers[peer].name.span)
        line.append(", which failed longest ago, is tried (fail_open)")
      }
    }
    return peer
  }

  /// Says of which upstream no peer can serve, and why each one can't.
  mutating func reportNoPeer(_ exchange: ExchangePointer) {
    precondition(exchange.isLive, "reportNoPeer: the exchange has ended")
    let upstream = exchange.pointee.upstreamIndex
    let peers = tables.upstreams[upstream].peers
    let states = upstreams.states(of: upstream)
    let name = tables.upstreams[upstream].name
    let now = now
    report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append("no peer of upstream ")
      line.appendEscaped(name.span, .standard)
      line.append(" is available")
      var (told, left) = (0, 0)
      for index in peers.indices where !peers[index].name.isEmpty {
        guard told < Limits.describedPeers else {
          left += 1
          continue
        }
        line.append(told == 0 ? ": " : "; ")
        line.append(peers[index].name.span)
        line.append(" ")
        PeerReason.append(peers[index], states[index], at: now, to: &line)
        told += 1
      }
      guard left > 0 else { return }
      line.append("; and ")
      line.append(decimal: UInt64(left))
      line.append(" more")
    }
  }
}

/// Why a peer does not serve, in words.
enum PeerReason {
  /// Why a peer can't serve, and until when.
  static func append(
    _ peer: Peer, _ state: PeerState, at now: Instant, to line: inout ByteWriter
  ) {
    switch state.condition(of: peer, at: now) {
    case .down: line.append(state.order == .down ? "is down by order" : "is down")
    case .draining: line.append("is draining by order")
    case .unhealthy: line.append("fails its health checks")
    case .checking: line.append("has not passed a health check yet")
    case .failed:
      line.append("has failed (")
      append(state.reason, to: &line)
      line.append(")")
      let wait = state.checkedAt + state.retryAfter
      if wait > now {
        line.append(" and is left out for another ")
        line.append(decimal: (wait - now).nanoseconds / 1_000_000)
        line.append(" ms")
      }
    case .up:
      let isFull = peer.maximumConnections > 0 && state.active >= peer.maximumConnections
      line.append(isFull ? "has max_conns requests" : "was tried")
    }
  }

  /// The same as text.
  static func text(_ reason: UInt8) -> String {
    guard let type = ErrorType(rawValue: reason), type != .none else { return "an error status" }
    return String(type.name.description.map { $0 == "_" ? " " : $0 })
  }

  /// Why a try has failed: `connection refused` and the like. The numbers are those of `ErrorType`.
  static func append(_ reason: UInt8, to line: inout ByteWriter) {
    guard let type = ErrorType(rawValue: reason), type != .none else {
      return line.append("an error status")
    }
    let name = type.name
    name.withUTF8Buffer { bytes in
      for byte in bytes { line.append(byte == UInt8(ascii: "_") ? UInt8(ascii: " ") : byte) }
    }
  }
}
