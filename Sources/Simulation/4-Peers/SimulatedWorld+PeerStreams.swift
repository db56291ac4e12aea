import Basics

/// How a scripted peer reads and writes its connection.
extension SimulatedWorld {
  /// Reads what has come, unless the peer does not read or has to pause.
  func collect(_ index: Int, _ id: Endpoint.ID) {
    guard peers[index].isReading, now >= peers[index].nextReadAt else { return }
    let amount = min(endpoints[id].received.count, peers[index].readLimit)
    if amount > 0 {
      takeIn(endpoints[id].received.take(amount), index, id)
      reportReading(id)
    }
    guard endpoints[id].received.isEmpty else {
      peers[index].nextReadAt = now + peers[index].readPause
      return add(.stepPeer(index), after: peers[index].readPause)
    }
    if endpoints[id].hasReceivedEnd { noteEnd(index) }
    if endpoints[id].stage == .broken { peers[index].record.wasReset = true }
  }

  func startReading(_ index: Int, _ id: Endpoint.ID, limit: Int, pause: Interval) {
    peers[index].isReading = true
    peers[index].readLimit = limit
    peers[index].readPause = pause
    peers[index].nextReadAt = now
    collect(index, id)
  }

  /// Makes `bytes` what is to be sent.
  func queue(_ bytes: [UInt8], _ index: Int, pieceSize: Int) {
    peers[index].unsent.append(bytes)
    peers[index].pieceRemaining = pieceSize
    peers[index].resumeAt = now
  }

  func pausePeer(_ index: Int, for duration: Interval) {
    peers[index].resumeAt = now + duration
    add(.stepPeer(index), after: duration)
  }

  /// Sends what is to be sent, as far as pieces and room allow; true when nothing is left.
  func pump(_ index: Int, _ id: Endpoint.ID, pieceSize: Int, pause: Interval) -> Bool {
    while !peers[index].unsent.isEmpty {
      precondition(!endpoints[id].hasFinished, "a script sends behind finishSending")
      guard endpoints[id].stage == .established, now >= peers[index].resumeAt else { return false }
      let amount = min(
        contentRoom(index, id), peers[index].pieceRemaining, peers[index].unsent.count)
      guard amount > 0 else {
        endpoints[id].awaitsRoom = true
        return false
      }
      put(peers[index].unsent.take(amount), index, id)
      peers[index].record.sentCount += amount
      peers[index].pieceRemaining -= amount
      if peers[index].pieceRemaining == 0 {
        peers[index].pieceRemaining = pieceSize
        pausePeer(index, for: pause)
      }
    }
    return peers[index].leaving.isEmpty
  }

  /// Sends back what has come since; true when nothing is left.
  func echo(_ index: Int, _ id: Endpoint.ID) -> Bool {
    let received = peers[index].record.received
    if peers[index].consumed < received.count {
      queue(Array(received[peers[index].consumed...]), index, pieceSize: .max)
      peers[index].consumed = received.count
    }
    return pump(index, id, pieceSize: .max, pause: Interval(nanoseconds: 0))
  }

  /// Reads on in the message that is awaited; true when `condition` holds for it. Interim responses
  /// on the way there are put aside.
  func hasMessage(
    _ index: Int, isBodiless: Bool, _ condition: (MessageReader) -> Bool
  ) -> Bool {
    while true {
      // Taken out while it grows, or each arrival would copy what the message has so far.
      var reader = peers[index].reader.take() ?? newReader(index, isBodiless: isBodiless)
      reader.consume(peers[index].record.received, from: &peers[index].consumed)
      if peers[index].record.isOver { reader.end() }
      peers[index].reader = reader
      guard reader.message.isComplete, reader.message.isInterim else { return condition(reader) }
      takeMessage(index)
    }
  }

  /// Puts the message that has come among those that are complete.
  func takeMessage(_ index: Int) {
    guard let reader = peers[index].reader else { return }
    peers[index].record.messages.append(reader.message)
    peers[index].reader = nil
  }

  private func newReader(_ index: Int, isBodiless: Bool) -> MessageReader {
    peers[index].role == .client
      ? MessageReader(.response(isBodiless: isBodiless)) : MessageReader(.request)
  }
}
