import Basics
import Platform

/// How bytes, ends and resets get from one end of a connection to the other.
///
/// At most one delivery of an endpoint is scheduled at a time, so bytes never overtake each other.
/// A delivery moves what fits into the peer's receive buffer and tells both holders: the peer that
/// there is something, the sender that there is room. What does not fit waits until the peer reads.
extension SimulatedWorld {
  /// Puts `bytes` under way. The caller has looked at `room`.
  func transmit(_ bytes: [UInt8], from id: Endpoint.ID) {
    endpoints[id].underWay.append(bytes)
    scheduleDelivery(from: id)
  }

  /// Sends an end of stream behind what is under way.
  func finish(_ id: Endpoint.ID) {
    guard !endpoints[id].hasFinished else { return }
    endpoints[id].hasFinished = true
    scheduleDelivery(from: id)
  }

  /// Lets go of an endpoint as close() does: with bytes unread, the peer gets a reset instead of an
  /// end of stream.
  func abandon(_ id: Endpoint.ID) {
    let isEstablished = endpoints[id].stage == .established
    endpoints[id].owner = .nobody
    guard isEstablished else { return }
    if endpoints[id].received.isEmpty { finish(id) } else { abort(id) }
  }

  /// Breaks the connection at once; the peer hears of it by a reset.
  func abort(_ id: Endpoint.ID) {
    guard endpoints[id].stage == .established else { return }
    breakConnection(id)
    add(.resetArrives(endpoints[id].peer), after: transferTime(from: id))
  }

  /// Delivers what is under way, as far as the peer's buffer and the faults let it.
  func deliver(from id: Endpoint.ID) {
    endpoints[id].isDeliveryScheduled = false
    let target = endpoints[id].peer
    guard endpoints[id].stage == .established, !endpoints[id].hasNothingToDeliver,
      !endpoints[id].hasVanished, !endpoints[target].hasVanished
    else { return }
    guard endpoints[target].owner != .nobody, endpoints[target].stage == .established else {
      return bounce(from: id)
    }
    if strikes(.resets, faults.resets) { return breakBoth(id, target) }
    let amount = moveBytes(from: id, to: target)
    let endArrives = deliverEnd(from: id, to: target, behindBytes: amount > 0)
    if amount > 0 || endArrives { wake(target) }
    record(.deliver, id, amount)
    reportRoom(id)
    let moreFits = endpoints[target].received.count < endpoints[target].receiveBuffer
    if moreFits { scheduleDelivery(from: id) }
  }

  /// Takes a reset in: what is under way is lost, what was received can still be read.
  func receiveReset(_ id: Endpoint.ID) {
    guard endpoints[id].stage == .established, !endpoints[id].hasVanished else { return }
    record(.reset, id)
    // After an end of stream Linux reports EPIPE, to the writer only.
    endpoints[id].error = endpoints[id].hasReceivedEnd ? .brokenPipe : .connectionReset
    breakConnection(id)
    if isScripted(id), strikes(.resetsThatDiscard, faults.resetsThatDiscard) {
      endpoints[id].received.removeAll()
    }
    wake(id)
  }

  /// Tells the peer of a reader that there is room again. An end of stream may wait for it, too.
  func reportReading(_ id: Endpoint.ID) { scheduleDelivery(from: endpoints[id].peer) }

  /// Ends a squeeze of writes.
  func endSqueeze(_ id: Endpoint.ID) {
    endpoints[id].isSqueezed = false
    reportRoom(id)
  }

  /// The time until something sent from here arrives.
  func transferTime(from id: Endpoint.ID) -> Interval {
    let base = endpoints[id].isUnix ? network.unixLatency : network.latency
    let jitter = Int(faults.jitter.nanoseconds)
    guard jitter > 0 else { return base }
    return Interval(nanoseconds: base.nanoseconds + UInt64(chance.below(jitter)))
  }

  private func scheduleDelivery(from id: Endpoint.ID) {
    let endpoint = endpoints[id]
    guard !endpoint.isDeliveryScheduled, !endpoint.hasNothingToDeliver, !endpoint.hasVanished else {
      return
    }
    endpoints[id].isDeliveryScheduled = true
    add(.deliver(id), after: transferTime(from: id))
  }

  private func moveBytes(from id: Endpoint.ID, to target: Endpoint.ID) -> Int {
    let space = endpoints[target].receiveBuffer - endpoints[target].received.count
    var amount = min(endpoints[id].underWay.count, space)
    if amount > 1, strikes(.fragmentedDeliveries, faults.fragmentedDeliveries) {
      amount = 1 + chance.below(min(amount, faults.largestFragment))
    }
    guard amount > 0 else { return 0 }
    endpoints[target].received.append(endpoints[id].underWay.take(amount))
    return amount
  }

  /// Delivers the end of stream if nothing is before it: mostly with the last bytes, so that a
  /// reader gets one event for both, but alone where deliveries are fragmented.
  private func deliverEnd(
    from id: Endpoint.ID, to target: Endpoint.ID, behindBytes: Bool
  ) -> Bool {
    let endpoint = endpoints[id]
    guard endpoint.hasFinished, !endpoint.endIsDelivered, endpoint.underWay.isEmpty else {
      return false
    }
    if behindBytes, strikes(.fragmentedDeliveries, faults.fragmentedDeliveries) { return false }
    endpoints[id].endIsDelivered = true
    endpoints[target].hasReceivedEnd = true
    // Both directions are over now: the sender hears of that, too.
    if endpoint.hasReceivedEnd { wake(id) }
    return true
  }

  /// Tells a sender that found too little room that there is enough again.
  private func reportRoom(_ id: Endpoint.ID) {
    guard endpoints[id].awaitsRoom, endpoints[id].hasWorthwhileRoom else { return }
    endpoints[id].awaitsRoom = false
    wake(id)
  }

  /// Bytes came to a socket that nobody holds any more: its host answers with a reset.
  private func bounce(from id: Endpoint.ID) {
    if endpoints[id].underWay.isEmpty {
      endpoints[id].endIsDelivered = true
    } else {
      add(.resetArrives(id), after: transferTime(from: endpoints[id].peer))
    }
  }

  private func breakBoth(_ id: Endpoint.ID, _ target: Endpoint.ID) {
    receiveReset(id)
    receiveReset(target)
  }

  private func breakConnection(_ id: Endpoint.ID) {
    endpoints[id].lost = endpoints[id].underWay.count
    endpoints[id].underWay.removeAll()
    endpoints[id].stage = .broken
  }
}
