import Basics

/// How a scripted peer goes through its actions. Each step takes in what has come, then does
/// actions until one has to wait; what it waits for will step it again.
extension SimulatedWorld {
  func stepPeer(_ index: Int) {
    peers[index].isStepScheduled = false
    guard let id = peers[index].endpoint, !peers[index].isFinished else { return }
    record(.step, index, peers[index].position)
    passOn(index, id)
    collect(index, id)
    while !peers[index].isFinished, advance(index, id) {}
  }

  /// Ends a peer's script and lets go of its connection.
  func endScript(_ index: Int, _ ending: ConnectionRecord.Ending) {
    if peers[index].role == .client { unfinishedClientCount -= 1 }
    peers[index].record.ending = ending
    peers[index].record.endedAt = now
    if let reader = peers[index].reader, reader.hasBegun {
      peers[index].record.partialMessage = reader.message
    }
    guard let id = peers[index].endpoint, !endpoints[id].hasVanished else { return }
    if ending == .completed { sayEnd(index, id) }
    abandon(id)
  }

  /// Does the action that is next, as far as it goes; true when it is done.
  private func advance(_ index: Int, _ id: Endpoint.ID) -> Bool {
    guard peers[index].position < peers[index].actions.count else { return refill(index) }
    let action = peers[index].actions[peers[index].position]
    if !peers[index].hasBegunAction { begin(action, index, id) }
    if peers[index].isFinished { return false }
    guard isDone(action, index, id) else {
      endIfHopeless(action, index, id)
      return false
    }
    peers[index].position += 1
    peers[index].hasBegunAction = false
    return true
  }

  /// What is done once, when an action's turn comes.
  private func begin(_ action: PeerAction, _ index: Int, _ id: Endpoint.ID) {
    peers[index].hasBegunAction = true
    peers[index].giveUpAt = now + peers[index].patience
    if peers[index].patience != .endless {
      add(.stepPeer(index), after: peers[index].patience, isBackground: true)
    }
    switch action {
    case .sendBytes(let bytes): queue(bytes, index, pieceSize: .max)
    case .sendPieces(let bytes, let size, _): queue(bytes, index, pieceSize: size)
    case .pause(let duration): pausePeer(index, for: duration)
    case .stopReading: peers[index].isReading = false
    case .startReading: startReading(index, id, limit: .max, pause: Interval(nanoseconds: 0))
    case .readSlowly(let bytes, let pause): startReading(index, id, limit: bytes, pause: pause)
    case .finishSending: finishSending(index, id)
    case .secure(let make): secure(index, id, make())
    case .cut(let place, let pause): peers[index].cut = (place, pause)
    case .sendRaw(let make): sendRaw(make(peers[index].security), index, id)
    case .close, .reset, .vanish: leave(action, index, id)
    case .awaitHead, .awaitMessage, .awaitBytes, .awaitEnd, .echoUntilEnd: break
    }
  }

  private func isDone(_ action: PeerAction, _ index: Int, _ id: Endpoint.ID) -> Bool {
    switch action {
    case .sendBytes: return pump(index, id, pieceSize: .max, pause: Interval(nanoseconds: 0))
    case .sendPieces(_, let size, let pause): return pump(index, id, pieceSize: size, pause: pause)
    case .awaitHead: return hasMessage(index, isBodiless: false) { $0.hasHead }
    case .awaitMessage(let isBodiless):
      guard hasMessage(index, isBodiless: isBodiless, { $0.message.isComplete }) else {
        return false
      }
      takeMessage(index)
      return true
    case .awaitBytes(let count): return peers[index].record.received.count >= count
    case .awaitEnd: return peers[index].record.isOver
    case .echoUntilEnd: return echo(index, id) && peers[index].record.isOver
    case .secure: return peers[index].security?.isEstablished == true
    case .sendRaw: return peers[index].leaving.isEmpty
    case .pause: return now >= peers[index].resumeAt
    case .cut, .stopReading, .startReading, .readSlowly, .finishSending, .close, .reset, .vanish:
      return true
    }
  }

  /// Ends the script when what the action waits for can't come any more, or took too long.
  private func endIfHopeless(_ action: PeerAction, _ index: Int, _ id: Endpoint.ID) {
    let position = peers[index].position
    if endpoints[id].stage == .broken {
      peers[index].record.wasReset = true
      endScript(index, .reset(action: position))
    } else if let failure = peers[index].security?.failure {
      peers[index].record.securityFailure = failure
      endScript(index, .insecure(action: position))
    } else if peers[index].record.isOver, action.needsBytes {
      let isIdle = peers[index].role != .client && peers[index].reader?.hasBegun != true
      endScript(index, isIdle ? .completed : .endedEarly(action: position))
    } else if now >= peers[index].giveUpAt {
      endScript(index, .gaveUp(action: position))
    }
  }

  /// All actions are done: a client closes, a backend turns to the next part of a request.
  private func refill(_ index: Int) -> Bool {
    guard case .backend(let backend, let connection) = peers[index].role else {
      endScript(index, .completed)
      return false
    }
    let (actions, phase) = nextActions(index, backends[backend].behaviour, connection)
    peers[index].actions = actions
    peers[index].position = 0
    peers[index].phase = phase
    return true
  }

  private func nextActions(
    _ index: Int, _ behaviour: BackendBehaviour, _ connection: Int
  ) -> ([PeerAction], ScriptedPeer.Phase) {
    let message =
      peers[index].reader?.message ?? peers[index].record.messages.last ?? WireMessage()
    let request = BackendRequest(
      message: message, connection: connection, sequence: peers[index].requestCount - 1)
    switch peers[index].phase {
    case .opening, .answeringMessage:
      peers[index].requestCount += 1
      return ([.awaitHead], .awaitingHead)
    case .awaitingHead: return (behaviour.onHead(request), .answeringHead)
    case .answeringHead:
      // The actions may have awaited the content themselves.
      return (peers[index].reader == nil ? [] : [.awaitMessage], .awaitingMessage)
    case .awaitingMessage: return (behaviour.onMessage(request), .answeringMessage)
    }
  }

  private func leave(_ action: PeerAction, _ index: Int, _ id: Endpoint.ID) {
    switch action {
    case .reset: abort(id)
    case .vanish: endpoints[id].hasVanished = true
    default: break
    }
    endScript(index, .completed)
  }
}

extension PeerAction {
  /// True for what the end of the other side's stream makes impossible.
  fileprivate var needsBytes: Bool {
    switch self {
    case .awaitHead, .awaitMessage, .awaitBytes, .secure: true
    default: false
    }
  }
}
