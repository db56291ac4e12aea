import Basics

/// The way between a peer's content and the bytes on its connection. For a plain peer they are the
/// same; with TLS, content is sealed before it waits for room and opened when it has come.
extension SimulatedWorld {
  /// Content that is sealed at once: what a record holds.
  private static let sealedAtOnce = 16_384

  /// Lets a peer speak through `security` from now on.
  func secure(_ index: Int, _ id: Endpoint.ID, _ security: any PeerSecurity) {
    peers[index].security = security
    // The other side may have begun before this peer's script had come to that.
    let consumed = peers[index].consumed
    let early = Array(peers[index].record.received[consumed...])
    peers[index].record.received.removeLast(early.count)
    security.begin()
    if early.isEmpty {
      sendSealed(index, id)
    } else {
      takeIn(early, index, id)
    }
  }

  /// Puts bytes on the connection as they are.
  func sendRaw(_ bytes: [UInt8], _ index: Int, _ id: Endpoint.ID) {
    peers[index].leaving.append(bytes)
    sendSealed(index, id)
  }

  /// Takes in bytes that came.
  func takeIn(_ bytes: [UInt8], _ index: Int, _ id: Endpoint.ID) {
    guard let security = peers[index].security else { return addContent(bytes, index) }
    security.receive(bytes)
    addContent(security.takeContent(), index)
    if security.hasEnd { peers[index].record.hasEnd = true }
    sendSealed(index, id)
  }

  /// The other side's stream has ended in TCP.
  func noteEnd(_ index: Int) {
    if let security = peers[index].security, !security.hasEnd {
      peers[index].record.wasTruncated = true
    } else {
      peers[index].record.hasEnd = true
    }
  }

  /// How much content may be put on the connection now.
  func contentRoom(_ index: Int, _ id: Endpoint.ID) -> Int {
    guard let security = peers[index].security else { return endpoints[id].room }
    let isFree = security.isEstablished && security.failure == nil && peers[index].leaving.isEmpty
    return isFree ? SimulatedWorld.sealedAtOnce : 0
  }

  /// Puts content on the connection, for which there is room.
  func put(_ content: [UInt8], _ index: Int, _ id: Endpoint.ID) {
    guard let security = peers[index].security else {
      peers[index].leaving.append(content)
      return passOn(index, id)
    }
    security.send(content)
    sendSealed(index, id)
    if peers[index].record.firstSealedEnd == nil {
      peers[index].record.firstSealedEnd = peers[index].wireCount + peers[index].leaving.count
    }
  }

  /// Sends what waits for room, as much as there is.
  func passOn(_ index: Int, _ id: Endpoint.ID) {
    guard endpoints[id].stage == .established, !endpoints[id].hasFinished else { return }
    guard now >= peers[index].isHeldUntil else { return }
    var amount = min(peers[index].leaving.count, endpoints[id].room)
    if let cut = peers[index].cut { amount = min(amount, cut.place - peers[index].wireCount) }
    if amount > 0 { transmitLeaving(amount, index, id) }
    if let cut = peers[index].cut, cut.place <= peers[index].wireCount {
      peers[index].cut = nil
      peers[index].isHeldUntil = now + cut.pause
      add(.stepPeer(index), after: cut.pause)
    }
    if !peers[index].leaving.isEmpty { endpoints[id].awaitsRoom = true }
  }

  /// Ends the stream, as the peer's farewell wants it.
  func finishSending(_ index: Int, _ id: Endpoint.ID) {
    guard endpoints[id].stage == .established else { return }
    sayEnd(index, id)
    if peers[index].security?.farewell != .noticeOnly { finish(id) }
  }

  /// Tells the other side that the stream has ended. A system would block until there is room; that
  /// little is sent without.
  func sayEnd(_ index: Int, _ id: Endpoint.ID) {
    guard let security = peers[index].security, security.farewell != .transportOnly,
      security.isEstablished, endpoints[id].stage == .established, !endpoints[id].hasFinished
    else { return }
    security.end()
    peers[index].leaving.append(security.takeOutput())
    transmitLeaving(peers[index].leaving.count, index, id)
  }

  private func addContent(_ bytes: [UInt8], _ index: Int) {
    guard !bytes.isEmpty else { return }
    peers[index].record.received += bytes
    peers[index].record.arrivals.append(.init(time: now, count: bytes.count))
  }

  private func sendSealed(_ index: Int, _ id: Endpoint.ID) {
    if let security = peers[index].security {
      peers[index].leaving.append(security.takeOutput())
    }
    passOn(index, id)
  }

  private func transmitLeaving(_ amount: Int, _ index: Int, _ id: Endpoint.ID) {
    guard amount > 0 else { return }
    transmit(peers[index].leaving.take(amount), from: id)
    peers[index].wireCount += amount
  }
}
