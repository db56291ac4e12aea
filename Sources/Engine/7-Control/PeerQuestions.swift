// What a worker is asked about its peers, and told to do with them.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Lists all peers.
  mutating func listPeers(into answer: inout WorkerAnswer) {
    precondition(scratch.count >= Limits.shownHeadBytes, "listPeers: the memory is too small")
    for upstream in tables.upstreams.indices {
      let peers = tables.upstreams[upstream].peers
      let states = upstreams.states(of: upstream)
      for peer in peers.indices where !peers[peer].name.isEmpty && peers[peer].weight > 0 {
        guard answer.count < Limits.listedPeers else {
          answer.omitted += 1
          continue
        }
        var writer = ByteWriter(scratch)
        write(states[peer], peers[peer], tables.upstreams[upstream].name, into: &writer)
        guard !writer.overflowed else { continue }
        answer.lines += writer.written
        answer.count += 1
      }
    }
  }

  private func write(
    _ state: PeerState, _ peer: Peer, _ upstream: FrozenBytes, into writer: inout ByteWriter
  ) {
    let condition = state.condition(of: peer, at: now)
    writer.append("{\"upstream\":\"")
    writer.appendEscaped(upstream.span, .json)
    writer.append("\",\"peer\":\"")
    writer.appendEscaped(peer.name.span, .json)
    writer.append("\",\"state\":\"")
    writer.append(condition.name)
    if let reason = why(condition, state, upstream, peer) {
      writer.append("\",\"why\":\"")
      let bytes = Array(reason.utf8)
      writer.appendEscaped(bytes.span, .json)
    }
    writer.append("\"")
    if state.since.nanoseconds > 0 { write("since", state.since, into: &writer) }
    let retry = state.checkedAt + state.retryAfter
    if condition == .failed, retry > now { write("until", retry, into: &writer) }
    write("weight", UInt64(peer.weight / max(1, peer.weightUnit)), into: &writer)
    if peer.isBackup { writer.append(",\"backup\":true") }
    write("running", UInt64(state.active), into: &writer)
    write("tries", state.tries, into: &writer)
    write("failures", state.failedTries, into: &writer)
    write("worker", UInt64(settings.number), into: &writer)
    write("generation", UInt64(settings.generation), into: &writer)
    writer.append("}\n")
  }

  private func write(_ name: StaticString, _ number: UInt64, into writer: inout ByteWriter) {
    writer.append(",\"")
    writer.append(name)
    writer.append("\":")
    writer.append(decimal: number)
  }

  /// Writes a moment of the monotonic clock as the time of day that it is, or was.
  private func write(_ name: StaticString, _ moment: Instant, into writer: inout ByteWriter) {
    let microseconds =
      moment >= now
      ? wall.microseconds + (moment - now).nanoseconds / 1_000
      : wall.microseconds - min(wall.microseconds, (now - moment).nanoseconds / 1_000)
    writer.append(",\"")
    writer.append(name)
    writer.append("\":\"")
    Timestamp(microseconds: microseconds, utcOffset: wall.utcOffset).writeRFC3339(into: &writer)
    writer.append("\"")
  }

  /// Why a peer is in this condition, in words; nil where there is nothing to say.
  private func why(
    _ condition: PeerCondition, _ state: PeerState, _ upstream: FrozenBytes, _ peer: Peer
  ) -> String? {
    switch condition {
    case .up: return nil
    case .down: return state.order == .down ? "ordered" : "down in the configuration"
    case .draining: return "ordered"
    case .checking: return "no health check has passed yet"
    case .failed: return PeerReason.text(state.reason)
    case .unhealthy:
      let key = PeerKey(upstream: Array(upstream), peer: Array(peer.name))
      return settings.health?.news(of: key)?.reason
    }
  }

  /// Obeys an order about a peer. The first worker that is told passes it on to all.
  mutating func steer(
    _ order: PeerOrder, _ key: PeerKey, into answer: inout WorkerAnswer
  ) {
    guard let directory = settings.health, let upstream = upstreamNames.find(key.upstream) else {
      return
    }
    let peers = tables.upstreams[upstream].peers
    guard peers.indices.contains(where: { Array(peers[$0].name) == key.peer }) else { return }
    precondition(answer.count == 0, "steer: the question was answered")
    answer.count = 1
    guard directory.order(order, key) else { return }
    report(.notice, "upstream", nil, nil) { line in
      line.append("peer ")
      line.appendEscaped(key.peer.span, .standard)
      line.append(" of upstream ")
      line.appendEscaped(key.upstream.span, .standard)
      switch order {
      case .up: line.append(" is up by order")
      case .drain: line.append(" is draining by order: no new requests")
      case .down: line.append(" is down by order: no new requests, no health checks")
      }
    }
  }
}

extension PeerCondition {
  /// Its name for people and programs.
  var name: StaticString {
    switch self {
    case .up: "up"
    case .failed: "failed"
    case .unhealthy: "unhealthy"
    case .checking: "checking"
    case .draining: "draining"
    case .down: "down"
    }
  }
}
