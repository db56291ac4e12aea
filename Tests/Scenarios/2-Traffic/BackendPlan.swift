import Basics
import Simulation

/// A backend of a scenario. What it does with a request follows from the request's nonce and the
/// place where it came, so that a repeated request may fare differently.
struct BackendPlan {
  let index: Int
  /// Where it listens.
  let location: Location
  let idField: String
  /// Different numbers make different backends.
  let salt: UInt64
  let menu: [(ResponseKind, Int)]
  let connectDelay: Interval
  let isBulky: Bool
  let security: SecurityPlan
  let detours: Detours

  /// The backend of this number.
  init(_ index: Int, conf: ConfPlan, isCalm: Bool, _ chance: inout SeededGenerator) {
    self.index = index
    location = conf.backends[index]
    idField = conf.idField
    isBulky = conf.isBulky
    security = conf.security
    detours = conf.detours
    salt = chance.next()
    let good = chance.swarm(ResponseKind.allCases.filter(\.isFaithful).map { ($0, 3) })
    // Unasked bytes matter only in the turn in which a request takes their connection.
    let bad = chance.swarm(
      ResponseKind.allCases.filter { !$0.isFaithful }.map { ($0, $0 == .unaskedLater ? 8 : 1) })
    menu = [(.plain, 8)] + good + (isCalm || chance.happens(300) ? [] : bad)
    connectDelay = .milliseconds(UInt64(chance.pick([0, 0, 0, 20])))
  }

  /// What it does.
  var behaviour: BackendBehaviour {
    var behaviour = BackendBehaviour()
    behaviour.connectDelay = connectDelay
    if security.backends { behaviour.onConnection = { [security.backend(connection: $0)] } }
    behaviour.onHead = { onHead($0) }
    behaviour.onMessage = { onMessage($0) }
    return behaviour
  }

  /// What becomes of the request of this nonce at this place.
  func kind(_ nonce: String, connection: Int, sequence: Int) -> ResponseKind {
    var chance = chance(nonce, connection, sequence)
    return chance.pick(weighted: menu)
  }

  private func chance(_ nonce: String, _ connection: Int, _ sequence: Int) -> SeededGenerator {
    let place = UInt64(connection) << 20 | UInt64(sequence)
    return SeededGenerator(seed: Filler.number(of: nonce, salt ^ place))
  }

  private func onHead(_ request: BackendRequest) -> [PeerAction] {
    if Detours.isSubrequest(request.message.target) { return [] }
    let nonce = request.message.value(of: "x-nonce") ?? ""
    let kind = kind(nonce, connection: request.connection, sequence: request.sequence)
    switch kind {
    case .early where !isTunnel(request): return answer(request, kind)
    case .earlyClosing where !isTunnel(request): return answer(request, kind) + [.close]
    case .deaf: return [.stopReading]
    default: break
    }
    let expects = request.message.value(of: "expect") != nil
    return expects ? [.send("HTTP/1.1 100 Continue\r\n\r\n")] : []
  }

  private func onMessage(_ request: BackendRequest) -> [PeerAction] {
    if Detours.isSubrequest(request.message.target) { return detours.actions(request.message) }
    let nonce = request.message.value(of: "x-nonce") ?? ""
    let kind = kind(nonce, connection: request.connection, sequence: request.sequence)
    if isTunnel(request) && kind.isFaithful {
      let head = "HTTP/1.1 101 Switching Protocols\r\nX-Nonce: \(nonce)\r\n"
      return [.send(head + "Connection: upgrade\r\nUpgrade: echo\r\n\r\n"), .echoUntilEnd, .close]
    }
    return kind == .early ? [] : answer(request, kind)
  }

  private func isTunnel(_ request: BackendRequest) -> Bool {
    request.message.value(of: "upgrade") != nil
  }

  private func answer(_ request: BackendRequest, _ kind: ResponseKind) -> [PeerAction] {
    let nonce = request.message.value(of: "x-nonce") ?? ""
    var chance = chance(nonce, request.connection, request.sequence)
    _ = chance.next()
    let seen = request.message.values(of: idField).joined(separator: ", ")
    let response = PlannedResponse(
      nonce: nonce, seenID: seen, idField: idField, isHead: request.message.method == "HEAD",
      closes: request.message.asksToClose, isBulky: isBulky)
    return response.actions(kind, &chance)
  }
}
