import Basics
import HTTP
import Simulation

/// What clients of each kind do.
extension ClientPlan {
  /// The actions of a client whose requests are known.
  func script(_ chance: inout SeededGenerator) -> [PeerAction] {
    if preface?.kind == .cut { return [] }
    switch kind {
    case .keptAlive, .malformed: return inTurn(requests, &chance)
    case .pipelining: return [.sendBytes(allBytes)] + requests.map(awaitResponse)
    case .slowSender:
      let size = chance.pick([1, 7, 100])
      let pause = Interval(nanoseconds: UInt64(chance.pick([1_000, 300_000, 2_000_000])))
      return requests.flatMap { request in
        // Slow, but not for hours.
        [
          .sendPieces(request.bytes, size: max(size, request.bytes.count / 100), every: pause),
          awaitResponse(request),
        ]
      }
    case .slowReader: return slowReader(&chance)
    case .tunnelling: return tunnelling(&chance)
    case .halfClosing:
      return [.sendBytes(allBytes), .finishSending] + requests.map(awaitResponse) + [.awaitEnd]
    case .leavingInRequest: return leavingInRequest(&chance)
    case .leavingInResponse:
      return [
        .sendBytes(allBytes),
        chance.pick([.awaitBytes(chance.below(400)), .pause(.milliseconds(1))]),
        leaving(&chance),
      ]
    case .silent: return [.awaitEnd]
    case .stallingInHead, .stallingInContent: return stalling(&chance)
    }
  }

  /// What it says before its first request: all at once, in pieces, or some time before.
  func begin(_ chance: inout SeededGenerator) -> [PeerAction] {
    guard let bytes = preface?.bytes, !bytes.isEmpty else { return [] }
    let size = chance.pick([max(1, bytes.count / 20), 1_000, .max])
    let wait = Interval.milliseconds(UInt64(chance.pick([0, 0, 1, 200])))
    let beginning: [PeerAction] = [
      .sendPieces(bytes, size: size, every: Interval(nanoseconds: 100_000)), .pause(wait),
    ]
    if preface?.kind == .cut { return beginning + [chance.pick([.awaitEnd, leaving(&chance)])] }
    return beginning
  }

  /// The handshake, where one is expected.
  func securing(_ conf: ConfPlan) -> [PeerAction] {
    guard entrance.isSecure else { return [] }
    let name = requests.first?.location.host ?? ""
    return [conf.security.client(name: name, number: Int(address.port))]
  }

  /// The translation, for who speaks HTTP/2.
  func multiplexing(_ conf: ConfPlan, _ number: Int) -> [PeerAction] {
    guard isMultiplexed else { return [] }
    let plan = conf.multiplexing
    let window = plan.window(of: number)
    return [.secure { HTTP2Peer(window: window) { plan.abandonment(of: $0, client: number) } }]
  }

  private var allBytes: [UInt8] { requests.flatMap(\.bytes) }

  private func awaitResponse(_ request: PlannedRequest) -> PeerAction {
    .awaitMessage(isBodiless: request.method == "HEAD")
  }

  private func inTurn(
    _ requests: [PlannedRequest], _ chance: inout SeededGenerator
  ) -> [PeerAction] {
    requests.flatMap { request -> [PeerAction] in
      var actions: [PeerAction] = [.sendBytes(request.bytes)]
      if request.expectsContinue || chance.happens(100) {
        let wait = Interval.milliseconds(UInt64(chance.pick([1, 10, 200])))
        actions = [
          .sendBytes(Array(request.bytes[..<request.headCount])), .pause(wait),
          .sendBytes(Array(request.bytes[request.headCount...])),
        ]
      }
      return actions + [awaitResponse(request)]
    }
  }

  private func slowReader(_ chance: inout SeededGenerator) -> [PeerAction] {
    let pause = Interval.milliseconds(UInt64(chance.pick([1, 20])))
    let reading: PeerAction = .readSlowly(bytes: chance.pick([300, 3_000, 40_000]), every: pause)
    // Who sends more than the buffers hold and does not read meanwhile has himself to blame.
    guard allBytes.count < 4_000, chance.happens(500) else {
      return [reading] + inTurn(requests, &chance)
    }
    let wait = Interval.milliseconds(UInt64(chance.pick([30, 600, 5_000])))
    return [.stopReading, .sendBytes(allBytes), .pause(wait), .startReading]
      + requests.map(awaitResponse)
  }

  private func tunnelling(_ chance: inout SeededGenerator) -> [PeerAction] {
    let request = requests[requests.count - 1]
    var actions = inTurn(Array(requests.dropLast()), &chance)
    if chance.happens(200) {
      // In haste, before the answer is known.
      actions += [.sendBytes(request.bytes + tunnel), awaitResponse(request)]
    } else {
      actions += [.sendBytes(request.bytes), awaitResponse(request), .sendBytes(tunnel)]
    }
    return actions + [.finishSending, .awaitEnd]
  }

  private func leavingInRequest(_ chance: inout SeededGenerator) -> [PeerAction] {
    let last = requests[requests.count - 1].bytes
    let part = Array(last.prefix(chance.between(0...(last.count - 1))))
    let wait = Interval.milliseconds(UInt64(chance.pick([0, 1, 50])))
    return inTurn(Array(requests.dropLast()), &chance)
      + [.sendBytes(part), .pause(wait), leaving(&chance)]
  }

  private func leaving(_ chance: inout SeededGenerator) -> PeerAction {
    chance.pick([.close, .reset, .vanish, .close])
  }

  /// Says a part of its last request and no more: only a timeout ends that.
  private func stalling(_ chance: inout SeededGenerator) -> [PeerAction] {
    let last = requests[requests.count - 1]
    let isInHead = kind == .stallingInHead || last.bytes.count == last.headCount
    let count =
      isInHead
      ? chance.between(1...(last.headCount - 1))
      : chance.between(last.headCount...(last.bytes.count - 1))
    return inTurn(Array(requests.dropLast()), &chance)
      + [.sendBytes(Array(last.bytes.prefix(count))), .awaitEnd]
  }
}
